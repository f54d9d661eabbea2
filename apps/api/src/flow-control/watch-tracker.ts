import type { FlowRequest } from './flow-schema.js';

type Scope = Pick<FlowRequest, 'group' | 'resource' | 'namespace' | 'name'>;

/** Counts the watches by HTTP that a write is told to. */
export class WatchTracker {
  /** By resource, then by namespace and name. */
  private readonly counts = new Map<string, Map<string, number>>();

  /** Returns what forgets the watch again; undefined for one that hears of few writes only. */
  register(watch: Scope & { query: URLSearchParams }): (() => void) | undefined {
    // Agents watch the pods of their node: the events of others cost them nothing.
    if (watch.resource === 'pods' && /(^|,)spec\.nodeName==?[^,]/.test(watch.query.get('fieldSelector') ?? '')) {
      return undefined;
    }
    const resource = `${watch.group}/${watch.resource}`;
    const scope = scopeKey(watch.namespace, watch.name);
    this.add(resource, scope, 1);
    return () => this.add(resource, scope, -1);
  }

  interestedIn({ group, resource, namespace, name }: Scope): number {
    const counts = this.counts.get(`${group}/${resource}`);
    if (!counts) return 0;
    let found = counts.get(scopeKey('', '')) ?? 0;
    if (namespace !== '') found += counts.get(scopeKey(namespace, '')) ?? 0;
    if (name !== '') found += counts.get(scopeKey(namespace, name)) ?? 0;
    return found;
  }

  private add(resource: string, scope: string, change: number): void {
    const counts = this.counts.get(resource) ?? new Map<string, number>();
    const count = (counts.get(scope) ?? 0) + change;
    if (count > 0) counts.set(scope, count);
    else counts.delete(scope);
    if (counts.size > 0) this.counts.set(resource, counts);
    else this.counts.delete(resource);
  }
}

function scopeKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
