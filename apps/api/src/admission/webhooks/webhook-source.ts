import type { GroupVersionKind, GroupVersionResource } from '#apimachinery';
import type { ResourceCatalog, ResourceDefinition } from '#kinds';
import { type CacheSink, followCache } from '../../storage/cache-follower.js';
import type { CachedObject, Store } from '../../storage/store.js';
import type { AdmissionRequest } from '../admission-request.js';
import { type CompiledWebhook, compileWebhooks } from './compiled-webhook.js';
import { type RuleTarget, ruleMatches } from './webhook-rules.js';

/** A webhook whose rules match a request, and as what it wants to see it. */
export interface Candidate {
  readonly webhook: CompiledWebhook;
  readonly resource: GroupVersionResource;
  readonly kind: GroupVersionKind;
  /** Its place among all webhooks, for annotations. */
  readonly index: number;
}

const NONE: readonly Candidate[] = [];

/**
 * The webhooks of all configurations of one kind, by the names of the configurations and then as these have them. A configuration is
 * compiled when it changes; the rules are looked through once for each kind of request, until one of them changes or the catalog does.
 */
export class WebhookSource implements CacheSink {
  private readonly byConfiguration = new Map<string, CompiledWebhook[]>();
  private sorted: readonly CompiledWebhook[] = [];
  private candidates = new Map<string, readonly Candidate[]>();
  private catalogGeneration = -1;

  constructor(private readonly catalog: ResourceCatalog) {}

  /** Follows `admissionregistration.k8s.io/<plural>` until the signal fires. */
  follow(store: Pick<Store, 'cache'>, plural: string, signal: AbortSignal): this {
    followCache(store.cache(`admissionregistration.k8s.io/${plural}`), this, signal);
    return this;
  }

  replace(configurations: readonly CachedObject[]): void {
    this.byConfiguration.clear();
    for (const item of configurations) this.byConfiguration.set(item.name, compileWebhooks(item.parse()));
    this.sort();
  }

  upsert(configuration: CachedObject): void {
    this.byConfiguration.set(configuration.name, compileWebhooks(configuration.parse()));
    this.sort();
  }

  remove({ name }: CachedObject): void {
    this.byConfiguration.delete(name);
    this.sort();
  }

  /** Those whose rules match the request. Selectors and conditions are not looked at. */
  candidatesFor(request: AdmissionRequest): readonly Candidate[] {
    if (this.sorted.length === 0) return NONE;
    if (this.catalogGeneration !== this.catalog.generation) this.forgetCandidates();
    const { operation, resource, subresource } = request;
    const isNamespaced = isInNamespace(request);
    const key = `${operation} ${resource.group}/${resource.version}/${resource.resource}/${subresource} ${isNamespaced}`;
    let found = this.candidates.get(key);
    if (found === undefined) {
      found = this.select(request, { operation, resource, subresource, isNamespaced });
      this.candidates.set(key, found);
    }
    return found;
  }

  private sort(): void {
    const names = [...this.byConfiguration.keys()].sort((a, b) => (a < b ? -1 : 1));
    this.sorted = names.flatMap((name) => this.byConfiguration.get(name)!);
    this.forgetCandidates();
  }

  private forgetCandidates(): void {
    this.candidates = new Map();
    this.catalogGeneration = this.catalog.generation;
  }

  private select({ kind }: AdmissionRequest, target: RuleTarget): Candidate[] {
    const equivalents = equivalentResources(this.catalog, target);
    return this.sorted.flatMap((webhook, index) => {
      if (webhook.rules.some((rule) => ruleMatches(rule, target))) {
        return [{ webhook, index, kind, resource: target.resource }];
      }
      if (!webhook.isEquivalent) return [];
      for (const rule of webhook.rules) {
        const found = equivalents.find(({ resource }) => ruleMatches(rule, { ...target, resource }));
        if (found) return [{ webhook, index, resource: found.resource, kind: found.kind }];
      }
      return [];
    });
  }
}

/** Namespaces themselves are not, though requests for them name one. */
export function isInNamespace({ namespace, resource }: AdmissionRequest): boolean {
  return namespace !== '' && !(resource.group === '' && resource.resource === 'namespaces');
}

export interface Equivalent {
  resource: GroupVersionResource;
  kind: GroupVersionKind;
}

/** What was found, until the catalog changes. */
const found = new WeakMap<ResourceCatalog, { generation: number; byTarget: Map<string, readonly Equivalent[]> }>();

/** The other versions of the same stored objects that have the subresource. */
export function equivalentResources(
  catalog: ResourceCatalog,
  { resource, subresource }: RuleTarget,
): readonly Equivalent[] {
  const { group, version, resource: plural } = resource;
  const own = catalog.find(group, version, plural);
  if (own === undefined) return [];
  let known = found.get(catalog);
  if (known?.generation !== catalog.generation) {
    known = { generation: catalog.generation, byTarget: new Map() };
    found.set(catalog, known);
  }
  const key = `${group}/${version}/${plural}/${subresource}`;
  let equivalents = known.byTarget.get(key);
  if (equivalents === undefined) {
    equivalents = findEquivalents(catalog, own, subresource);
    known.byTarget.set(key, equivalents);
  }
  return equivalents;
}

function findEquivalents(
  catalog: ResourceCatalog,
  own: ResourceDefinition,
  subresource: string,
): readonly Equivalent[] {
  return catalog
    .list()
    .filter((other) => other !== own && other.storageResource === own.storageResource)
    .flatMap((other) => {
      const { group, version, plural } = other;
      const kind = kindAt(other, subresource);
      return kind ? [{ resource: { group, version, resource: plural }, kind }] : [];
    });
}

function kindAt(definition: ResourceDefinition, subresource: string): GroupVersionKind | undefined {
  const { group, version, kind, subresources } = definition;
  if (subresource === '') return { group, version, kind };
  const found = subresources.find(({ name }) => name === subresource);
  return found && { group: found.group, version: found.version, kind: found.kind };
}
