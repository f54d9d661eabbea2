import type { APIService, ResourceCatalog } from '#kinds';
import type { AggregatedApi, AggregatedSurface, ServedResources } from '../http/documents/aggregated-surface.js';
import { followCache } from '../storage/cache-follower.js';
import type { CachedObject, Store, WatchCache } from '../storage/store.js';
import { isAvailable } from './availability.js';

/** Where APIServices are stored. */
export const API_SERVICES = 'apiregistration.k8s.io/apiservices';
/** The one group of our own that an installed server takes over: the upstream metrics-server does. */
const REPLACEABLE = new Set(['metrics.k8s.io']);

/** One that an APIService names. */
export interface ForwardedApi extends AggregatedApi {
  readonly spec: APIService['spec'];
}

/**
 * The group versions that other API servers serve, as the stored APIServices say. Each replica follows its own cache, so that it
 * forwards as soon as it has read the APIService.
 */
export class AggregatedApis implements AggregatedSurface {
  private readonly byVersion = new Map<string, ForwardedApi>();
  private readonly documents = new Map<string, ServedResources & { text: string }>();
  private readonly known = new Map<string, CachedObject>();
  private changes = 0;
  readonly cache: WatchCache;

  constructor(
    store: Pick<Store, 'cache'>,
    private readonly catalog: ResourceCatalog,
  ) {
    this.cache = store.cache(API_SERVICES);
  }

  /** Grows with every change of what discovery shows. */
  get generation(): number {
    return this.changes;
  }

  get size(): number {
    return this.byVersion.size;
  }

  find(group: string, version: string): ForwardedApi | undefined {
    return this.byVersion.size === 0 ? undefined : this.byVersion.get(`${group}/${version}`);
  }

  /** Groups of higher priority first, then versions of higher priority. */
  list(): ForwardedApi[] {
    return [...this.byVersion.values()].sort(
      (a, b) =>
        (b.spec.groupPriorityMinimum ?? 0) - (a.spec.groupPriorityMinimum ?? 0) ||
        (a.group < b.group ? -1 : a.group > b.group ? 1 : 0) ||
        (b.spec.versionPriority ?? 0) - (a.spec.versionPriority ?? 0) ||
        (a.version < b.version ? -1 : 1),
    );
  }

  documentsOf({ name }: AggregatedApi): ServedResources | undefined {
    return this.documents.get(name);
  }

  setDocuments(name: string, served: ServedResources): void {
    const text = JSON.stringify(served);
    if (this.documents.get(name)?.text === text) return;
    this.documents.set(name, { ...served, text });
    this.changes += 1;
  }

  /** Takes in the APIServices of this moment. */
  settleAll(): void {
    const { items } = this.cache.list({})!;
    for (const { name } of items) this.settle(name);
    for (const name of [...this.known.keys()]) if (!this.cache.get('', name)) this.settle(name);
  }

  /** Follows the APIServices until the signal fires; `changed` is called with the name of each that changed, or is there already. */
  follow(signal: AbortSignal, changed: (name: string) => void): void {
    const take = ({ name }: CachedObject) => {
      this.settle(name);
      changed(name);
    };
    const replace = (objects: readonly CachedObject[]) => {
      this.settleAll();
      for (const { name } of objects) changed(name);
    };
    followCache(this.cache, { replace, upsert: take, remove: take }, signal);
  }

  private settle(name: string): void {
    const object = this.cache.get('', name);
    if (object !== undefined && this.known.get(name) === object) return;
    const before = this.known.get(name)?.parse() as APIService | undefined;
    if (object === undefined) this.known.delete(name);
    else this.known.set(name, object);
    const service = object?.parse() as APIService | undefined;
    if (before) this.forget(before);
    const api = service && this.forwarded(service);
    if (api) this.byVersion.set(`${api.group}/${api.version}`, api);
    else this.documents.delete(name);
    if (api || (before && this.forwarded(before))) this.changes += 1;
  }

  private forget({ spec: { group = '', version = '' } }: APIService): void {
    this.byVersion.delete(`${group}/${version}`);
  }

  /** What this server has itself stays here, whatever somebody writes: the group of Deployments is nobody else's. */
  private forwarded(service: APIService): ForwardedApi | undefined {
    const { metadata, spec } = service;
    const { group = '', version = '' } = spec;
    if (!spec.service || group === '') return undefined;
    const isOwn = this.catalog.list().some((item) => item.group === group && item.custom === undefined);
    if (isOwn && !REPLACEABLE.has(group)) return undefined;
    return { name: metadata.name!, group, version, spec, available: isAvailable(service) };
  }
}
