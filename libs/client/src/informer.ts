import { type GroupVersionResource, isExpired, isNotFound, type KubeList, type KubeObject } from '#apimachinery';
import { Backoff, REFLECTOR_BACKOFF } from './backoff.js';
import type { Client } from './client.js';
import { type Clock, delay } from './clock.js';
import type { Logger } from './logger.js';

/** Called synchronously, in the order of revisions. What one throws is logged and stops nobody else. */
export interface EventHandler<T extends KubeObject = KubeObject> {
  add?(object: T): void;
  update?(old: T, object: T): void;
  /** The last known state; after a relist it may be older than the deletion. */
  delete?(object: T): void;
}

export type IndexFunction<T extends KubeObject = KubeObject> = (object: T) => readonly string[];

export interface InformerOptions<T extends KubeObject = KubeObject> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** What to keep of an object: gives a smaller one, or the same. The object it gets is frozen. */
  transform?(object: T): T;
}

export interface InformerContext {
  client: Client;
  clock: Clock;
  random: () => number;
  logger: Logger;
}

/** Pages of the first list: no answer is ever one huge text. */
const PAGE_SIZE = 500;
/** A watch that ends sooner than this without one event counts as a failure. Milliseconds. */
const SHORT_WATCH = 1000;

export function objectKey(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name!;
}

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return slash === -1 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * A local copy of a collection that follows the server: list, then watch from the list's revision; resume where a watch
 * ended; list anew when the revision is compacted. Objects are frozen and shared by all readers.
 */
export class Informer<T extends KubeObject = KubeObject> {
  private readonly objects = new Map<string, T>();
  private readonly byNamespace = new Map<string, Map<string, T>>();
  private readonly indexers = new Map<string, IndexFunction<T>>();
  private readonly indexes = new Map<string, Map<string, Map<string, T>>>();
  private readonly handlers = new Set<EventHandler<T>>();
  private readonly waiting = new Set<() => void>();
  private synced = false;
  private started = false;
  private revision = '';

  constructor(
    readonly gvr: GroupVersionResource,
    private readonly context: InformerContext,
    private readonly options: InformerOptions<T> = {},
  ) {}

  /** True once the first list is in and its adds have been delivered. */
  get hasSynced(): boolean {
    return this.synced;
  }

  /** The revision up to which this copy is complete; '' before the first list. */
  get resourceVersion(): string {
    return this.revision;
  }

  get size(): number {
    return this.objects.size;
  }

  get(namespace: string, name: string): T | undefined {
    return this.objects.get(namespace === '' ? name : `${namespace}/${name}`);
  }

  /** By `objectKey`. */
  getByKey(key: string): T | undefined {
    return this.objects.get(key);
  }

  /** A fresh array; absent namespace: all. */
  list(namespace?: string): T[] {
    return [...this.values(namespace)];
  }

  values(namespace?: string): Iterable<T> {
    if (namespace === undefined) return this.objects.values();
    return this.byNamespace.get(namespace)?.values() ?? [];
  }

  /** Adds an index. Objects that are here already are indexed at once. Adding the same name again does nothing. */
  addIndex(name: string, index: IndexFunction<T>): void {
    if (this.indexers.has(name)) return;
    this.indexers.set(name, index);
    const values = new Map<string, Map<string, T>>();
    this.indexes.set(name, values);
    for (const [key, object] of this.objects) for (const value of index(object)) enter(values, value, key, object);
  }

  byIndex(name: string, value: string): T[] {
    const values = this.indexes.get(name);
    if (!values) throw new Error(`informer of ${this.gvr.resource} has no index ${name}`);
    return [...(values.get(value)?.values() ?? [])];
  }

  /** How many objects `byIndex` would give. */
  countByIndex(name: string, value: string): number {
    return this.indexes.get(name)?.get(value)?.size ?? 0;
  }

  /** Objects that are here already come as adds at once. Returns the way to remove the handler. */
  addHandler(handler: EventHandler<T>): () => void {
    this.handlers.add(handler);
    if (handler.add) for (const object of [...this.objects.values()]) this.deliver(() => handler.add!(object));
    return () => this.handlers.delete(handler);
  }

  /** Resolves once synced. Rejects when the signal fires first. */
  whenSynced(signal?: AbortSignal): Promise<void> {
    if (this.synced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.waiting.delete(finish);
        reject(signal!.reason);
      };
      const finish = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      if (signal?.aborted) return abort();
      this.waiting.add(finish);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Follows the server until the signal fires. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.started) return;
    this.started = true;
    const { clock, random, logger } = this.context;
    const backoff = new Backoff(REFLECTOR_BACKOFF, clock.now, random);
    let relist = true;
    while (!signal.aborted) {
      try {
        if (relist) await this.relist();
        relist = false;
        if (signal.aborted) return;
        const startedAt = clock.now();
        const events = await this.follow(signal);
        if (events > 0 || clock.now() - startedAt >= SHORT_WATCH) continue;
      } catch (error) {
        if (signal.aborted) return;
        if (isExpired(error)) relist = true;
        else if (!isNotFound(error)) {
          logger.warn('watch failed', { resource: this.gvr.resource, error });
        }
      }
      await delay(clock, backoff.step(), signal);
    }
  }

  private async relist(): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.options;
    const selection = { namespace, labelSelector, fieldSelector };
    const { client } = this.context;
    const seen = new Map<string, T>();
    const take = (page: KubeList<T>) => {
      for (const item of page.items) seen.set(objectKey(item), this.keep(withType(item, page)));
    };
    let page = await client.list<T>(this.gvr, { ...selection, limit: PAGE_SIZE });
    take(page);
    try {
      while (page.metadata.continue) {
        page = await client.list<T>(this.gvr, { ...selection, limit: PAGE_SIZE, continue: page.metadata.continue });
        take(page);
      }
    } catch (error) {
      if (!isExpired(error)) throw error;
      seen.clear();
      page = await client.list<T>(this.gvr, selection);
      take(page);
    }
    this.replace(seen);
    this.revision = page.metadata.resourceVersion ?? '';
    if (this.synced) return;
    this.synced = true;
    for (const finish of this.waiting) finish();
    this.waiting.clear();
  }

  /** The number of events that came. */
  private async follow(signal: AbortSignal): Promise<number> {
    const { namespace, labelSelector, fieldSelector } = this.options;
    let count = 0;
    for await (const { type, object } of this.context.client.watch<T>(this.gvr, {
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion: this.revision,
      allowWatchBookmarks: true,
      signal,
    })) {
      if (signal.aborted) break;
      count++;
      if (type === 'ADDED' || type === 'MODIFIED') this.set(objectKey(object), this.keep(object));
      else if (type === 'DELETED') this.delete(objectKey(object), object);
      this.revision = object.metadata.resourceVersion ?? this.revision;
    }
    return count;
  }

  private keep(object: T): T {
    const kept = this.options.transform?.(object) ?? object;
    return kept === object ? kept : Object.freeze(kept);
  }

  private replace(current: Map<string, T>): void {
    for (const [key, object] of [...this.objects]) if (!current.has(key)) this.delete(key, object);
    for (const [key, object] of current) {
      const old = this.objects.get(key);
      if (old && old.metadata.uid !== object.metadata.uid) this.delete(key, old);
      if (old?.metadata.resourceVersion !== object.metadata.resourceVersion) this.set(key, object);
    }
  }

  private set(key: string, object: T): void {
    const old = this.objects.get(key);
    if (old) this.unindex(key, old);
    this.objects.set(key, object);
    enter(this.byNamespace, object.metadata.namespace ?? '', key, object);
    for (const [name, index] of this.indexers) {
      for (const value of index(object)) enter(this.indexes.get(name)!, value, key, object);
    }
    for (const handler of this.handlers) {
      if (old) this.deliver(() => handler.update?.(old, object));
      else this.deliver(() => handler.add?.(object));
    }
  }

  private delete(key: string, last: T): void {
    const old = this.objects.get(key);
    if (!old) return;
    this.objects.delete(key);
    leave(this.byNamespace, old.metadata.namespace ?? '', key);
    this.unindex(key, old);
    const kept = last === old ? old : this.keep(last);
    for (const handler of this.handlers) this.deliver(() => handler.delete?.(kept));
  }

  private unindex(key: string, object: T): void {
    for (const [name, index] of this.indexers) {
      for (const value of index(object)) leave(this.indexes.get(name)!, value, key);
    }
  }

  private deliver(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.context.logger.error('event handler failed', {
        resource: this.gvr.resource,
        error,
      });
    }
  }
}

/** Items of a built-in list come without apiVersion and kind over HTTP; the list says them. */
function withType<T extends KubeObject>(item: T, list: KubeList<T>): T {
  if (item.kind) return item;
  return Object.freeze({ ...item, apiVersion: list.apiVersion, kind: list.kind.replace(/List$/, '') });
}

function enter<T>(values: Map<string, Map<string, T>>, value: string, key: string, object: T): void {
  const members = values.get(value);
  if (members) members.set(key, object);
  else values.set(value, new Map([[key, object]]));
}

function leave<T>(values: Map<string, Map<string, T>>, value: string, key: string): void {
  const members = values.get(value);
  members?.delete(key);
  if (members?.size === 0) values.delete(value);
}
