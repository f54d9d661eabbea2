import type { Logger } from '#client';
import {
  type CustomResourceDefinition,
  type CustomResourceOptions,
  customResources,
  isServed,
  type ResourceCatalog,
  type ResourceDefinition,
  servedForm,
  storedCustomResource,
} from '#kinds';
import { DEFINITIONS } from '../registry/write/definition-guard.js';
import { followCache } from '../storage/cache-follower.js';
import type { CachedObject, Store, WatchCache } from '../storage/store.js';
import { type ConversionOptions, conversionTo } from './conversions.js';

export interface ServedDefinitionsOptions {
  readonly store: Pick<Store, 'cache' | 'currentRevision' | 'forget' | 'readBarrier'>;
  readonly catalog: ResourceCatalog;
  readonly conversion: ConversionOptions;
  readonly logger: Logger;
}

interface Served {
  /** The newest object with this form. */
  object: CachedObject;
  form: string;
  isTerminating: boolean;
  resources: readonly ResourceDefinition[];
}

/**
 * Keeps the catalog as the stored CustomResourceDefinitions say. Each replica follows its own cache, so that it serves a resource as
 * soon as it has read the definition.
 */
export class ServedDefinitions {
  private readonly served = new Map<string, Served>();
  readonly cache: WatchCache;

  constructor(private readonly options: ServedDefinitionsOptions) {
    this.cache = options.store.cache(DEFINITIONS);
  }

  /** Takes in the definitions of this moment. */
  settleAll(): void {
    const { items } = this.cache.list({})!;
    for (const { name } of items) this.settle(name);
    for (const name of [...this.served.keys()]) if (!this.cache.get('', name)) this.settle(name);
  }

  /** Follows the definitions until the signal fires; `changed` is called with the name of each that changed, or is there already. */
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

  /**
   * Whether a resource that this replica does not know is served after all: another replica may have established it just now. Takes
   * it in then.
   */
  async appears(group: string, plural: string): Promise<boolean> {
    const name = `${plural}.${group}`;
    if (group === '') return false;
    await this.options.store.readBarrier();
    this.settle(name);
    return this.served.has(name);
  }

  /** Brings the catalog to what the newest state of a definition says. */
  settle(name: string): void {
    const object = this.cache.get('', name);
    const known = this.served.get(name);
    if (known !== undefined && known.object === object) return;
    const crd = object?.parse() as CustomResourceDefinition | undefined;
    if (object === undefined || crd === undefined || !isServed(crd)) {
      if (known === undefined) return;
      this.change(name, known, undefined);
      if (object === undefined) this.forget(name, known);
      return;
    }
    const form = servedForm(crd);
    const isTerminating = crd.metadata.deletionTimestamp !== undefined;
    if (known?.form === form) {
      Object.assign(known, { object, isTerminating });
      return;
    }
    const next: Served = { object, form, isTerminating, resources: [] };
    next.resources = customResources(
      crd,
      this.partsOf(crd, () => next),
    );
    this.change(name, known, next);
  }

  /** The resource as its objects are stored, for who deletes them, even where no version is served. */
  storedResource(crd: CustomResourceDefinition): ResourceDefinition {
    const read = { object: { parse: () => crd, revision: Number(crd.metadata.resourceVersion) }, isTerminating: true };
    return storedCustomResource(
      crd,
      this.partsOf(crd, () => read),
    );
  }

  private partsOf(
    crd: CustomResourceDefinition,
    current: () => { object: Pick<CachedObject, 'parse' | 'revision'>; isTerminating: boolean },
  ): CustomResourceOptions {
    const { conversion } = this.options;
    const { metadata, spec } = crd;
    // Whole definitions are large; this much of them is kept.
    const versions = spec.versions.map(({ name, storage, served }) => ({ name, storage, served }));
    const kept = { metadata: { name: metadata.name }, spec: { ...spec, versions } } as CustomResourceDefinition;
    return {
      read: () => current().object.parse(),
      source: {
        name: metadata.name!,
        state: () => ({ revision: current().object.revision, isTerminating: current().isTerminating }),
        settle: () => this.settle(metadata.name!),
      },
      conversionTo: (version, settle) => conversionTo(kept, version, settle, conversion),
    };
  }

  /** Lets go of what was kept for a resource whose definition is gone. */
  private forget(name: string, { resources }: Served): void {
    const { store, conversion } = this.options;
    conversion.metrics.forget(name);
    for (const resource of new Set(resources.map(({ storageResource }) => storageResource))) store.forget(resource);
  }

  private change(name: string, before: Served | undefined, after: Served | undefined): void {
    const { catalog, logger } = this.options;
    this.served.delete(name);
    try {
      catalog.replace(before?.resources ?? [], after?.resources ?? []);
      if (after !== undefined) this.served.set(name, after);
    } catch (error) {
      // A name of this release that no definition may have: the others go on.
      logger.error('a definition cannot be served', { customresourcedefinition: name, error });
      if (before !== undefined) catalog.remove(before.resources);
    }
  }
}
