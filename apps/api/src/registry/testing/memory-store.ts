/** A store without a database, for specs of what stands on it. One replica; no watches. */

import type { KubeObject } from '#apimachinery';
import { CacheEntry, renderBytes } from '../../storage/cached-object.js';
import type {
  CachedObject,
  CommitResult,
  CounterReading,
  ObjectKey,
  Revision,
  Store,
  WatchCache,
  WriteSet,
} from '../../storage/store.js';

export class MemoryStore implements Store {
  /** Called at each barrier, as what other replicas wrote comes in there. */
  onBarrier: () => void = () => {};
  /** Called before each commit: what somebody else was faster with. */
  onCommit: (set: WriteSet) => void | Promise<void> = () => {};
  readonly committed: WriteSet[] = [];
  readonly counters = new Map<string, number>();
  barriers = 0;
  private revision: Revision = 1;
  private readonly caches = new Map<string, MemoryCache>();

  async commit(set: WriteSet): Promise<CommitResult> {
    await this.onCommit(set);
    for (const write of set.writes) {
      const found = this.find(write.key);
      if (write.op === 'create' && found) return { ok: false, failure: { reason: 'exists', key: write.key } };
      if (write.op === 'create') continue;
      if (!found) return { ok: false, failure: { reason: 'missing', key: write.key } };
      if (found.revision !== write.ifRevision) return { ok: false, failure: { reason: 'conflict', key: write.key } };
    }
    for (const guard of set.guards ?? []) {
      const found = this.find(guard.key);
      if (guard.kind === 'absent' && found) return { ok: false, failure: { reason: 'exists', key: guard.key } };
      if (guard.kind !== 'absent' && !found) return { ok: false, failure: { reason: 'missing', key: guard.key } };
      if (guard.kind === 'revision' && found!.revision !== guard.revision) {
        return { ok: false, failure: { reason: 'conflict', key: guard.key } };
      }
    }
    const counters = (set.counters ?? []).flatMap(({ counter, delta, limit }) => {
      const used = this.counters.get(`${counter.namespace}/${counter.name}`) ?? 0;
      return limit !== undefined && delta > 0 && used + delta > limit
        ? [{ counter, used, requested: delta, limit }]
        : [];
    });
    if (counters.length > 0) {
      return { ok: false, failure: { reason: 'exceeded', key: set.writes[0]!.key, counters } };
    }
    for (const { counter, delta } of set.counters ?? []) {
      const name = `${counter.namespace}/${counter.name}`;
      this.counters.set(name, (this.counters.get(name) ?? 0) + delta);
    }
    this.committed.push(set);
    const revisions = set.writes.map(({ op, key, uid, body }) => {
      this.revision += 1;
      const entries = this.memory(key.resource).entries;
      if (op === 'delete') entries.delete(`${key.namespace}/${key.name}`);
      else entries.set(`${key.namespace}/${key.name}`, entryOf(key, uid, this.revision, body));
      return this.revision;
    });
    return { ok: true, revision: this.revision, revisions };
  }

  /** Puts an object there, whatever is there, as another writer would. */
  put(resource: string, object: KubeObject): void {
    const { namespace = '', name = '', uid = 'uid', resourceVersion: _, ...metadata } = object.metadata;
    const place = namespace === '' ? { name } : { name, namespace };
    const body = Buffer.from(
      JSON.stringify({
        apiVersion: object.apiVersion,
        kind: object.kind,
        metadata: { ...place, uid, ...metadata },
        ...without(object),
      }),
    );
    this.revision += 1;
    const key = { resource, namespace, name };
    this.memory(resource).entries.set(`${namespace}/${name}`, entryOf(key, uid, this.revision, body));
  }

  cache(resource: string): WatchCache {
    return this.memory(resource);
  }

  async readBarrier(): Promise<Revision> {
    this.barriers += 1;
    this.onBarrier();
    return this.revision;
  }

  async readCounters(namespace: string, prefix: string): Promise<CounterReading> {
    const start = `${namespace}/`;
    const found = [...this.counters].filter(([name]) => name.startsWith(start + prefix));
    return {
      revision: this.revision,
      values: new Map(found.map(([name, value]) => [name.slice(start.length), value])),
    };
  }

  async dropCounters(namespace: string, prefix: string): Promise<void> {
    for (const name of this.counters.keys()) if (name.startsWith(`${namespace}/${prefix}`)) this.counters.delete(name);
  }

  async dropOrphanedCounters(prefix: string, resource: string): Promise<number> {
    const uids = new Set(
      this.cache(resource)
        .list({})!
        .items.map(({ namespace, uid }) => `${namespace}/${prefix}${uid}`),
    );
    const orphaned = [...this.counters.keys()].filter((name) => {
      const [namespace = '', rest = ''] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)];
      if (!rest.startsWith(prefix)) return false;
      return !uids.has(`${namespace}/${prefix}${rest.slice(prefix.length).split('/')[0]}`);
    });
    for (const name of orphaned) this.counters.delete(name);
    return orphaned.length;
  }

  forget(resource: string): void {
    if (this.caches.get(resource)?.size === 0) this.caches.delete(resource);
  }

  currentRevision(): Revision {
    return this.revision;
  }

  compactedRevision(): Revision {
    return 0;
  }

  async sizeBytes(): Promise<number> {
    return 0;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  private find({ resource, namespace, name }: ObjectKey): CachedObject | undefined {
    return this.memory(resource).get(namespace, name);
  }

  private memory(resource: string): MemoryCache {
    let cache = this.caches.get(resource);
    if (cache === undefined) {
      cache = new MemoryCache(resource, () => this.revision);
      this.caches.set(resource, cache);
    }
    return cache;
  }
}

class MemoryCache implements WatchCache {
  readonly changes = 0;
  readonly entries = new Map<string, CachedObject>();

  constructor(
    readonly resource: string,
    private readonly revision: () => Revision,
  ) {}

  get(namespace: string, name: string): CachedObject | undefined {
    return this.entries.get(`${namespace}/${name}`);
  }

  list({ namespace, filter }: Parameters<WatchCache['list']>[0]): ReturnType<WatchCache['list']> {
    const items = [...this.entries.values()].filter(
      (item) => (namespace === undefined || item.namespace === namespace) && (filter?.matches(item) ?? true),
    );
    return { revision: this.revision(), items };
  }

  watch(): undefined {
    return undefined;
  }

  get size(): number {
    return this.entries.size;
  }
}

function entryOf(
  { resource, namespace, name }: ObjectKey,
  uid: string,
  revision: Revision,
  body: Buffer,
): CachedObject {
  return new CacheEntry(
    { resource, fieldValue: () => '' },
    namespace,
    name,
    uid,
    revision,
    renderBytes(body, revision),
  );
}

function without({ apiVersion: _a, kind: _k, metadata: _m, ...rest }: KubeObject): object {
  return rest;
}
