import { formatGroupVersion, type GroupResource, type KubeObject } from '#apimachinery';
import { type ResourceCatalog, type ResourceDefinition, type SubresourceDefinition } from '#kinds';
import { ProtobufForm } from '../codec/protobuf/protobuf-form.js';
import { messageName } from '../codec/protobuf/wire-messages.js';
import { inVersion } from '../storage/converted-objects.js';
import type { CachedObject, ServedVersion, Store, WatchCache } from '../storage/store.js';
import type { ComputedResource } from './computed-resource.js';
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
  /** Read from a handler instead of the store. */
  readonly computed: ComputedResource | undefined;
  /** Undefined when the stored version is the served one. */
  readonly served: ServedVersion | undefined;
  /** Undefined for custom resources, which have no messages. */
  readonly protobuf: ProtobufForm | undefined;
  /** Of the metadata alone, by the version asked for. Versions of one kind may convert annotations, so each has its own. */
  readonly metadataForms: Map<string, ProtobufForm>;
  /** Throws for virtual resources. */
  readonly cache: WatchCache;
  /** Those that are open: they end when the resource is served no more. */
  readonly watches: Set<{ stop(): void }>;
}

/** The catalog's resources, each with what serves it. */
export class ResourceTable {
  private readonly entries = new Map<string, ResourceEntry>();

  constructor(
    readonly catalog: ResourceCatalog,
    private readonly virtual: readonly VirtualResource[],
    private readonly store: Store,
    private readonly computed: readonly ComputedResource[] = [],
  ) {
    for (const definition of catalog.list()) this.add(definition);
    catalog.onChange(({ added, removed }) => {
      for (const definition of removed) this.remove(definition);
      for (const definition of added) this.add(definition);
    });
  }

  find(group: string, version: string, resource: string): ResourceEntry | undefined {
    return this.entries.get(`${group}/${version}/${resource}`);
  }

  /** An entry that serves this storage resource, the stored version first: for reads from within. */
  findStored(storageResource: string): ResourceEntry | undefined {
    const definition = this.catalog.findStored(storageResource);
    return definition && this.find(definition.group, definition.version, definition.plural);
  }

  values(): Iterable<ResourceEntry> {
    return this.entries.values();
  }

  servesGroupVersion(group: string, version: string): boolean {
    return this.catalog.servesGroupVersion(group, version);
  }

  private add(definition: ResourceDefinition): void {
    const { group, version, plural } = definition;
    const serves = (item: VirtualResource | ComputedResource) =>
      item.group === group && item.version === version && item.resource === plural;
    const virtual = new Map(this.virtual.filter(serves).map((item) => [item.subresource, item]));
    const entry = resourceEntry(definition, this.store, virtual, this.computed.find(serves));
    this.entries.set(`${group}/${version}/${plural}`, entry);
  }

  private remove({ group, version, plural }: ResourceDefinition): void {
    const path = `${group}/${version}/${plural}`;
    const entry = this.entries.get(path);
    this.entries.delete(path);
    for (const watch of entry?.watches ?? []) watch.stop();
  }
}

/** What serves a definition, whether it is in a table or not. */
export function resourceEntry(
  definition: ResourceDefinition,
  store: Pick<Store, 'cache'>,
  virtual: ResourceEntry['virtual'] = new Map(),
  computed?: ComputedResource,
): ResourceEntry {
  const { group, version, plural, storageResource, conversion } = definition;
  const apiVersion = formatGroupVersion(group, version);
  let cache: WatchCache | undefined;
  let protobuf: ProtobufForm | undefined;
  return {
    definition,
    groupResource: { group, resource: plural },
    apiVersion,
    verbs: new Set(definition.verbs),
    subresources: new Map(definition.subresources.map((sub) => [sub.name, sub])),
    virtual,
    computed,
    served: conversion && { apiVersion, conversion },
    get protobuf() {
      if (definition.custom) return undefined;
      return (protobuf ??= new ProtobufForm(apiVersion, definition.kind, messageName(definition.schemaName)));
    },
    metadataForms: new Map(),
    get cache() {
      return (cache ??= store.cache(storageResource));
    },
    watches: new Set(),
  };
}

/** The object as the endpoint's version says it; frozen. */
export function servedObject(entry: ResourceEntry, cached: CachedObject): KubeObject {
  return inVersion(cached, entry.served);
}

/** The same as bytes of JSON. */
export function servedBytes({ served }: ResourceEntry, cached: CachedObject): Buffer {
  return served ? cached.bytesFor(served) : cached.bytes;
}

/** As servedObject, for who looks at it once. */
export function peekServed({ served }: ResourceEntry, cached: CachedObject): KubeObject {
  return served && !cached.isStoredAs(served) ? inVersion(cached, served) : cached.peek();
}
