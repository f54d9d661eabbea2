import type { GroupVersionResource, KubeObject } from '#apimachinery';
import type { Client } from '#client';

/** Answers reviews from tables, and remembers what it was asked. */
export class ReviewClient {
  readonly asked: KubeObject[] = [];
  /** By token: user name and groups. */
  readonly tokens = new Map<string, { username: string; groups: string[] }>();
  /** Whether `user` may do `verb` on `nodes/subresource`. */
  allow: (user: string, verb: string, subresource: string) => boolean = () => true;
  broken = false;
  /** Set: reviews are answered when this resolves. */
  held: Promise<void> | undefined;

  get client(): Client {
    return { create: (gvr: GroupVersionResource, _: string, object: KubeObject) => this.create(gvr, object) } as any;
  }

  private async create(gvr: GroupVersionResource, object: KubeObject): Promise<KubeObject> {
    this.asked.push(object);
    await this.held;
    if (this.broken) throw new Error('the API server is away');
    if (gvr.resource === 'tokenreviews') {
      const user = this.tokens.get(object['spec'].token);
      return { ...object, status: user ? { authenticated: true, user } : { authenticated: false } };
    }
    const { user, resourceAttributes } = object['spec'];
    const allowed = this.allow(user, resourceAttributes.verb, resourceAttributes.subresource);
    return { ...object, status: { allowed } };
  }
}
