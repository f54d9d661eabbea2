import type { KubeObject, UserInfo } from '#apimachinery';
import { bare } from '#apimachinery';
import type { Client } from '#client';
import { ExpiringMap } from './expiring-map.js';
import { HttpError } from './http-error.js';

const SUBJECT_ACCESS_REVIEWS = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews' };

/** Kubelet's authorization.webhook.cache{Authorized,Unauthorized}TTL; milliseconds. */
const ALLOWED_LIFETIME = 300_000;
const DENIED_LIFETIME = 30_000;

const VERBS = bare<string>({ POST: 'create', GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' });

/** Paths with a subresource of their own; each may also be reached with `nodes/proxy`. */
const FINE_GRAINED: [prefix: string, subresource: string][] = [
  ['/pods', 'pods'],
  ['/runningpods', 'pods'],
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
];

/** Paths that `nodes/proxy` does not open. */
const SEPARATE: [prefix: string, subresource: string][] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
];

/** The subresources of the node of which one must be allowed. `path` as `requestUrl` gives it, which the router sees too. */
export function subresources(path: string): string[] {
  const within = ([prefix]: [string, string]) => path === prefix || path.startsWith(`${prefix}/`);
  const fine = FINE_GRAINED.find(within)?.[1];
  const separate = SEPARATE.find(within)?.[1];
  return [...(fine ? [fine] : []), separate ?? 'proxy'];
}

interface SubjectAccessReview extends KubeObject {
  spec: Record<string, unknown>;
  status?: { allowed?: boolean };
}

/** Asks the API server whether a user may reach a path of this node. */
export class Authorizer {
  private readonly answers: ExpiringMap<boolean>;
  /** Questions under way: many requests at once are one question. */
  private readonly reviews = new Map<string, Promise<boolean>>();

  constructor(
    private readonly client: Client,
    private readonly nodeName: string,
    now: () => number,
  ) {
    this.answers = new ExpiringMap(now);
  }

  /** Throws 403, or 500 when the API server does not answer. */
  async authorize(user: UserInfo, method: string, path: string): Promise<void> {
    const verb = VERBS[method] ?? '';
    const candidates = subresources(path);
    for (const subresource of candidates) {
      let allowed: boolean;
      try {
        allowed = await this.allowed(user, verb, subresource);
      } catch {
        const what = `user=${user.name}, verb=${verb}, resource=nodes, subresource=${subresource}`;
        throw new HttpError(500, `Authorization error (${what})`);
      }
      if (allowed) return;
    }
    const what = `user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${candidates.join(' ')}]`;
    throw new HttpError(403, `Forbidden (${what})`);
  }

  private async allowed(user: UserInfo, verb: string, subresource: string): Promise<boolean> {
    const key = JSON.stringify([user.name, user.uid, user.groups, user.extra, verb, subresource]);
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    let review = this.reviews.get(key);
    if (!review) {
      review = this.review(key, user, verb, subresource).finally(() => this.reviews.delete(key));
      this.reviews.set(key, review);
    }
    return review;
  }

  private async review(key: string, user: UserInfo, verb: string, subresource: string): Promise<boolean> {
    const review = await this.client.create<SubjectAccessReview>(SUBJECT_ACCESS_REVIEWS, '', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: user.name,
        groups: user.groups,
        ...(user.uid ? { uid: user.uid } : {}),
        ...(user.extra ? { extra: user.extra } : {}),
        resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: this.nodeName },
      },
    });
    const allowed = review.status?.allowed === true;
    this.answers.set(key, allowed, allowed ? ALLOWED_LIFETIME : DENIED_LIFETIME);
    return allowed;
  }
}
