import type { ResourceDefinition } from '../contract/definition.js';

/** What came and went with one change of a catalog. */
export interface CatalogChange {
  readonly added: readonly ResourceDefinition[];
  readonly removed: readonly ResourceDefinition[];
}

export type CatalogListener = (change: CatalogChange) => void;

/**
 * The resources that a server serves at this moment. All who need the set ask here each time, or follow its changes; nobody
 * keeps a copy. Lookups cost one read of a map.
 */
export class ResourceCatalog {
  private readonly byPath = new Map<string, ResourceDefinition>();
  private readonly byKind = new Map<string, ResourceDefinition>();
  private readonly byStorage = new Map<string, ResourceDefinition>();
  private readonly listeners = new Set<CatalogListener>();
  /** By group and version: how many resources it has, and the generation of its last change. */
  private readonly versions = new Map<string, { resources: number; changed: number }>();
  private all: readonly ResourceDefinition[] = [];
  private changes = 0;

  constructor(definitions: readonly ResourceDefinition[] = []) {
    this.add(definitions);
  }

  /** Grows with every change: what was made of the list is stale when it has. */
  get generation(): number {
    return this.changes;
  }

  /** The generation of the last change to a group's version; undefined when nothing of it is served. */
  generationOf(group: string, version: string): number | undefined {
    return this.versions.get(key(group, version))?.changed;
  }

  /** All definitions in the order in which they came; the same array until the next change. */
  list(): readonly ResourceDefinition[] {
    return this.all;
  }

  /** By what paths say; the core group is ''. */
  find(group: string, version: string, plural: string): ResourceDefinition | undefined {
    return this.byPath.get(`${group}/${version}/${plural}`);
  }

  findKind(group: string, version: string, kind: string): ResourceDefinition | undefined {
    return this.byKind.get(`${group}/${version}/${kind}`);
  }

  /** Of the versions that serve a storage resource, the stored one; any other where that is not served. */
  findStored(storageResource: string): ResourceDefinition | undefined {
    return this.byStorage.get(storageResource);
  }

  /** What `findStored` gives, of all storage resources: each kind of stored objects once. */
  stored(): readonly ResourceDefinition[] {
    return [...this.byStorage.values()];
  }

  servesGroupVersion(group: string, version: string): boolean {
    return this.versions.has(key(group, version));
  }

  /** All or none. Throws when a path or a kind is served already. */
  add(definitions: readonly ResourceDefinition[]): void {
    this.change({ added: definitions, removed: [] });
  }

  /** All or none. Throws when one of them is not served. */
  remove(definitions: readonly ResourceDefinition[]): void {
    this.change({ added: [], removed: definitions });
  }

  /** Takes out and puts in at once: nobody sees a state in between. */
  replace(removed: readonly ResourceDefinition[], added: readonly ResourceDefinition[]): void {
    this.change({ added, removed });
  }

  /** Called after each change, in the same turn; the function that it gives ends that. */
  onChange(listener: CatalogListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private change(change: CatalogChange): void {
    const { added, removed } = change;
    if (added.length + removed.length === 0) return;
    const left = new Set(removed);
    for (const item of removed) {
      if (this.find(item.group, item.version, item.plural) !== item) throw new Error(`${pathOf(item)} is not served`);
    }
    const paths = new Set<string>();
    for (const item of added) {
      const path = key(item.group, item.version, item.plural);
      const kind = key(item.group, item.version, item.kind);
      const taken = [this.byPath.get(path), this.byKind.get(kind)].some((other) => other && !left.has(other));
      if (taken || paths.has(path)) throw new Error(`${pathOf(item)} is served already`);
      paths.add(path);
    }
    this.changes += 1;
    this.all = Object.freeze([...this.all.filter((item) => !left.has(item)), ...added]);
    for (const item of removed) this.forget(item);
    for (const item of added) this.enter(item);
    for (const listener of this.listeners) listener(change);
  }

  private enter(item: ResourceDefinition): void {
    const { group, version, plural, kind } = item;
    this.byPath.set(key(group, version, plural), item);
    this.byKind.set(key(group, version, kind), item);
    this.settleStored(item.storageResource);
    this.count(item, 1);
  }

  private forget(item: ResourceDefinition): void {
    const { group, version, plural, kind } = item;
    this.byPath.delete(key(group, version, plural));
    this.byKind.delete(key(group, version, kind));
    this.settleStored(item.storageResource);
    this.count(item, -1);
  }

  private settleStored(storageResource: string): void {
    const serving = this.all.filter(
      (item) => item.storageResource === storageResource && this.byPath.has(pathKey(item)),
    );
    const stored = serving.find(isStored) ?? serving[0];
    if (stored) this.byStorage.set(storageResource, stored);
    else this.byStorage.delete(storageResource);
  }

  private count({ group, version }: ResourceDefinition, step: 1 | -1): void {
    const at = key(group, version);
    const resources = (this.versions.get(at)?.resources ?? 0) + step;
    if (resources === 0) this.versions.delete(at);
    else this.versions.set(at, { resources, changed: this.changes });
  }
}

/** Whether objects are stored in the version that it serves. */
export function isStored({ group, version, storageVersion }: ResourceDefinition): boolean {
  return storageVersion.group === group && storageVersion.version === version;
}

function key(...parts: string[]): string {
  return parts.join('/');
}

function pathKey({ group, version, plural }: ResourceDefinition): string {
  return key(group, version, plural);
}

function pathOf(item: ResourceDefinition): string {
  return item.group === '' ? pathKey(item).slice(1) : pathKey(item);
}
