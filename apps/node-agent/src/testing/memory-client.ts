import { EventEmitter, on } from 'node:events';
import {
  alreadyExists,
  type GroupVersionResource,
  type KubeList,
  type KubeObject,
  notFound,
  type WatchEvent,
} from '#apimachinery';
import type { Client, DeleteOptions, ListOptions, PatchType, WatchOptions, WriteOptions } from '#client';

/**
 * Just enough of an API server for tests of the agent alone: objects in a map, watches, patches of a status with conditions
 * merged by type and of annotations, graceful deletion of pods. No defaults, no validation, no admission.
 */
export class MemoryClient implements Client {
  private readonly objects = new Map<string, KubeObject>();
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private revision = 1;
  /** Every status that was written, in order, by pod name. */
  readonly statuses = new Map<string, any[]>();
  /** Nobody answers. */
  away = false;

  async get<T extends KubeObject>(gvr: GroupVersionResource, namespace: string, name: string): Promise<T> {
    this.answer();
    const found = this.objects.get(key(gvr, namespace, name));
    if (!found) throw notFound({ group: gvr.group, resource: gvr.resource }, name);
    return found as T;
  }

  async list<T extends KubeObject>(gvr: GroupVersionResource, options: ListOptions = {}): Promise<KubeList<T>> {
    this.answer();
    const items = [...this.objects]
      .filter(([path, object]) => path.startsWith(`${gvr.resource}/`) && matches(object, options))
      .map(([, object]) => object as T);
    return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: String(this.revision) }, items };
  }

  async *watch<T extends KubeObject>(
    gvr: GroupVersionResource,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    this.answer();
    const since = Number(options.resourceVersion ?? 0);
    try {
      for await (const [event] of on(this.emitter, gvr.resource, { signal: options.signal })) {
        if (Number(event.object.metadata.resourceVersion) <= since || !matches(event.object, options)) continue;
        yield event;
      }
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error;
    }
  }

  async create<T extends KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    object: T,
    options: WriteOptions & { name?: string } = {},
  ): Promise<T> {
    this.answer();
    if (options.subresource === 'token') {
      const expirationTimestamp = new Date(Date.now() + 3_600_000).toISOString();
      return { ...object, status: { token: `token-of-${options.name}`, expirationTimestamp } };
    }
    const name = object.metadata.name ?? `${object.metadata.generateName}${this.revision}`;
    const path = key(gvr, namespace, name);
    if (this.objects.has(path)) throw alreadyExists({ group: gvr.group, resource: gvr.resource }, name);
    const metadata = {
      creationTimestamp: new Date().toISOString(),
      uid: `${name}-${this.revision}`,
      generation: 1,
      ...object.metadata,
      name,
      ...(namespace ? { namespace } : {}),
    };
    return this.store(gvr, path, 'ADDED', { ...object, metadata }) as T;
  }

  async update<T extends KubeObject>(gvr: GroupVersionResource, namespace: string, object: T): Promise<T> {
    this.answer();
    return this.store(gvr, key(gvr, namespace, object.metadata.name!), 'MODIFIED', object) as T;
  }

  async patch<T extends KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    name: string,
    _type: PatchType,
    patch: any,
    _options?: WriteOptions,
  ): Promise<T> {
    this.answer();
    const old = await this.get(gvr, namespace, name);
    const status = { ...old['status'], ...patch.status };
    if (patch.status?.conditions) {
      const merged = new Map((old['status']?.conditions ?? []).map((condition: any) => [condition.type, condition]));
      for (const condition of patch.status.conditions) {
        if (condition.$patch === 'delete') {
          merged.delete(condition.type);
          continue;
        }
        const both = { ...(merged.get(condition.type) as object), ...condition };
        merged.set(condition.type, Object.fromEntries(Object.entries(both).filter(([, value]) => value !== null)));
      }
      status.conditions = [...merged.values()];
    }
    for (const field of ['podIPs', 'hostIPs', 'addresses']) {
      if (status[field]) status[field] = status[field].filter((entry: any) => entry.$patch === undefined);
    }
    if (gvr.resource === 'pods') this.statuses.set(name, [...(this.statuses.get(name) ?? []), status]);
    const annotations = { ...old.metadata.annotations, ...patch.metadata?.annotations };
    const metadata = patch.metadata?.annotations ? { ...old.metadata, annotations } : old.metadata;
    return this.store(gvr, key(gvr, namespace, name), 'MODIFIED', { ...old, metadata, status }) as T;
  }

  async delete(gvr: GroupVersionResource, namespace: string, name: string, options: DeleteOptions = {}): Promise<void> {
    this.answer();
    const path = key(gvr, namespace, name);
    const old = await this.get(gvr, namespace, name);
    const grace = options.gracePeriodSeconds ?? old['spec']?.terminationGracePeriodSeconds ?? 30;
    if (gvr.resource === 'pods' && grace > 0 && old['spec']?.nodeName) {
      const deletionTimestamp = new Date(Date.now() + grace * 1000).toISOString();
      const metadata = { ...old.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace };
      this.store(gvr, path, 'MODIFIED', { ...old, metadata });
      return;
    }
    this.objects.delete(path);
    const metadata = { ...old.metadata, resourceVersion: String(++this.revision) };
    this.emitter.emit(gvr.resource, { type: 'DELETED', object: { ...old, metadata } });
  }

  async deleteCollection(): Promise<never> {
    throw new Error('not needed by the agent');
  }

  private answer(): void {
    if (this.away) throw new Error('connect ECONNREFUSED');
  }

  private store(gvr: GroupVersionResource, path: string, type: string, object: KubeObject): KubeObject {
    const metadata = { ...object.metadata, resourceVersion: String(++this.revision) };
    const stored = Object.freeze({ ...object, metadata });
    this.objects.set(path, stored);
    this.emitter.emit(gvr.resource, { type, object: stored });
    return stored;
  }
}

function key(gvr: GroupVersionResource, namespace: string, name: string): string {
  return `${gvr.resource}/${namespace}/${name}`;
}

function matches(object: KubeObject, options: ListOptions): boolean {
  if (options.namespace && object.metadata.namespace !== options.namespace) return false;
  const [field, value] = (options.fieldSelector ?? '').split('=');
  if (field === 'metadata.name') return object.metadata.name === value;
  if (field === 'spec.nodeName') return object['spec']?.nodeName === value;
  return true;
}
