import { formatGroupVersion, type GroupResource, type KubeObject } from '#apimachinery';
import { fromStorage, type ResourceDefinition, type SubresourceDefinition } from '#kinds';
import type { CachedObject, ServedVersion, Store, WatchCache } from '../storage/store.js';
import type { VirtualResource } from './virtual-resource.js';

/** One served resource with everything that a request needs, found by one lookup. */
export interface ResourceEntry {
  readonly definition: ResourceDefinition;
  readonly groupResource: GroupResource;
  readonly apiVersion: string;
  readonly verbs: ReadonlySet<string>;
  readonly subresources: ReadonlyMap<string, SubresourceDefinition>;
  /** Answered by a handler instead of the store, by subresource ('' the resource itself). */
  readonly virtual: ReadonlyMap<string, VirtualResource>;
  /** Undefined when the stored version is the served one. */
  readonly served: ServedVersion | undefined;
  /** Throws for virtual resources. */
  readonly cache: WatchCache;
}

export class ResourceTable {
  private readonly entries = new Map<string, ResourceEntry>();
  private readonly apiVersions = new Set<string>();

  constructor(
    definitions: readonly ResourceDefinition[],
    virtual: readonly VirtualResource[],
    private readonly store: Store,
  ) {
    for (const definition of definitions) this.add(definition, virtual);
  }

  find(group: string, version: string, resource: string): ResourceEntry | undefined {
    return this.entries.get(`${group}/${version}/${resource}`);
  }

  /** An entry that serves this storage resource, the stored version first: for reads from within. */
  findStored(storageResource: string): ResourceEntry | undefined {
    let found: ResourceEntry | undefined;
    for (const entry of this.entries.values()) {
      if (entry.definition.storageResource !== storageResource) continue;
      if (entry.served === undefined) return entry;
      found ??= entry;
    }
    return found;
  }

  values(): Iterable<ResourceEntry> {
    return this.entries.values();
  }

  servesGroupVersion(group: string, version: string): boolean {
    return this.apiVersions.has(`${group}/${version}`);
  }

  private add(definition: ResourceDefinition, virtual: readonly VirtualResource[]): void {
    const { group, version, plural, storageVersion, storageResource } = definition;
    const store = this.store;
    const apiVersion = formatGroupVersion(group, version);
    this.apiVersions.add(`${group}/${version}`);
    const stored = storageVersion.group === group && storageVersion.version === version;
    let cache: WatchCache | undefined;
    this.entries.set(`${group}/${version}/${plural}`, {
      definition,
      groupResource: { group, resource: plural },
      apiVersion,
      verbs: new Set(definition.verbs),
      subresources: new Map(definition.subresources.map((sub) => [sub.name, sub])),
      virtual: new Map(
        virtual
          .filter((item) => item.group === group && item.version === version && item.resource === plural)
          .map((item) => [item.subresource, item]),
      ),
      served: stored ? undefined : { apiVersion, convert: (object) => fromStorage(definition, object) },
      get cache() {
        return (cache ??= store.cache(storageResource));
      },
    });
  }
}

/** The object as the endpoint's version says it; frozen. */
export function servedObject(entry: ResourceEntry, cached: CachedObject): KubeObject {
  return entry.served ? entry.served.convert(cached.parse()) : cached.parse();
}
