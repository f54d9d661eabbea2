import {
  alreadyExists,
  conflict,
  type GroupVersionResource,
  type KubeList,
  type KubeObject,
  notFound,
  type WatchEvent,
} from '#apimachinery';
import type { Client, ListOptions, WatchOptions } from '#client';

/** Calls by what they ask: `get pods`, `update deployments/status`. */
export type Calls = Record<string, number>;

/**
 * A Client over objects in memory, which counts what it is asked: revisions, optimistic concurrency and watches, without admission,
 * defaults and validation. Patches are merged at the first level of `metadata`, `spec` and `status`.
 */
export class MemoryClient implements Client {
  calls: Calls = {};
  private readonly objects = new Map<string, Map<string, KubeObject>>();
  private readonly watchers = new Set<{ gvr: GroupVersionResource; push(event: WatchEvent): void }>();
  private readonly log: { of: GroupVersionResource; revision: number; event: WatchEvent }[] = [];
  private revision = 0;

  /** Puts an object there, as somebody else would: not counted. */
  put(gvr: GroupVersionResource, object: KubeObject): KubeObject {
    const { metadata } = object;
    const old = this.of(gvr).get(keyOf(metadata.namespace, metadata.name!));
    const resourceVersion = String(++this.revision);
    const uid = metadata.uid ?? old?.metadata.uid ?? `uid-${this.revision}`;
    const stored = Object.freeze({ ...object, metadata: { ...metadata, uid, resourceVersion } });
    this.of(gvr).set(keyOf(metadata.namespace, metadata.name!), stored);
    this.tell(gvr, { type: old ? 'MODIFIED' : 'ADDED', object: stored });
    return stored;
  }

  remove(gvr: GroupVersionResource, namespace: string, name: string): void {
    const old = this.find(gvr, namespace, name);
    this.of(gvr).delete(keyOf(namespace, name));
    const metadata = { ...old.metadata, resourceVersion: String(++this.revision) };
    this.tell(gvr, { type: 'DELETED', object: { ...old, metadata } });
  }

  async get<T extends KubeObject>(gvr: GroupVersionResource, namespace: string, name: string): Promise<T> {
    this.count('get', gvr);
    return this.find(gvr, namespace, name) as T;
  }

  async list<T extends KubeObject>(gvr: GroupVersionResource, options: ListOptions = {}): Promise<KubeList<T>> {
    this.count('list', gvr);
    const items = [...this.of(gvr).values()].filter(
      ({ metadata }) => !options.namespace || metadata.namespace === options.namespace,
    );
    return {
      apiVersion: 'v1',
      kind: 'List',
      metadata: { resourceVersion: String(this.revision) },
      items: items as T[],
    };
  }

  async *watch<T extends KubeObject>(
    gvr: GroupVersionResource,
    options: WatchOptions = {},
  ): AsyncIterable<WatchEvent<T>> {
    this.count('watch', gvr);
    // What happened between the list and the watch.
    const from = Number(options.resourceVersion ?? this.revision);
    const events = this.log.filter(({ of, revision }) => isSame(of, gvr) && revision > from).map(({ event }) => event);
    let wake = () => {};
    const watcher = {
      gvr,
      push(event: WatchEvent) {
        events.push(event);
        wake();
      },
    };
    this.watchers.add(watcher);
    options.signal?.addEventListener('abort', () => wake(), { once: true });
    try {
      while (!options.signal?.aborted) {
        while (events.length > 0) yield events.shift() as WatchEvent<T>;
        if (options.signal?.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.watchers.delete(watcher);
    }
  }

  async create<T extends KubeObject>(gvr: GroupVersionResource, namespace: string, object: T): Promise<T> {
    this.count('create', gvr);
    const name = object.metadata.name ?? `${object.metadata.generateName}${this.revision}`;
    if (this.of(gvr).has(keyOf(namespace, name))) throw alreadyExists(gvr, name);
    return this.put(gvr, { ...object, metadata: { ...object.metadata, namespace, name } }) as T;
  }

  async update<T extends KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    object: T,
    options: { subresource?: string } = {},
  ): Promise<T> {
    this.count('update', gvr, options.subresource);
    const { name, resourceVersion } = object.metadata;
    const current = this.find(gvr, namespace, name!);
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) throw conflict(gvr, name!);
    return this.put(gvr, object) as T;
  }

  async patch<T extends KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    name: string,
    _type: string,
    patch: Partial<KubeObject>,
    options: { subresource?: string } = {},
  ): Promise<T> {
    this.count('patch', gvr, options.subresource);
    const { metadata, ...rest } = this.find(gvr, namespace, name);
    return this.put(gvr, { ...rest, ...patch, metadata: { ...metadata, ...patch.metadata } } as KubeObject) as T;
  }

  async delete(gvr: GroupVersionResource, namespace: string, name: string): Promise<void> {
    this.count('delete', gvr);
    this.remove(gvr, namespace, name);
  }

  async deleteCollection(gvr: GroupVersionResource, { namespace }: { namespace?: string }): Promise<void> {
    this.count('deletecollection', gvr);
    for (const { metadata } of [...this.of(gvr).values()]) {
      if (metadata.namespace === namespace) this.remove(gvr, metadata.namespace ?? '', metadata.name!);
    }
  }

  private of(gvr: GroupVersionResource): Map<string, KubeObject> {
    const key = `${gvr.group}/${gvr.resource}`;
    let objects = this.objects.get(key);
    if (!objects) {
      objects = new Map();
      this.objects.set(key, objects);
    }
    return objects;
  }

  private find(gvr: GroupVersionResource, namespace: string, name: string): KubeObject {
    const object = this.of(gvr).get(keyOf(namespace, name));
    if (!object) throw notFound(gvr, name);
    return object;
  }

  private tell(gvr: GroupVersionResource, event: WatchEvent): void {
    this.log.push({ of: gvr, revision: this.revision, event });
    for (const watcher of this.watchers) if (isSame(watcher.gvr, gvr)) watcher.push(event);
  }

  private count(verb: string, { resource }: GroupVersionResource, subresource?: string): void {
    const call = `${verb} ${resource}${subresource ? `/${subresource}` : ''}`;
    this.calls[call] = (this.calls[call] ?? 0) + 1;
  }
}

function isSame(a: GroupVersionResource, b: GroupVersionResource): boolean {
  return a.group === b.group && a.resource === b.resource;
}

function keyOf(namespace: string | undefined, name: string): string {
  return namespace ? `${namespace}/${name}` : name;
}
