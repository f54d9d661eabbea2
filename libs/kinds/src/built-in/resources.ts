import type { KubeObject } from '#apimachinery';
import { bare, ownValue } from '#apimachinery';
import { tableOf } from '../columns/table.js';
import type { ResourceDefinition, SubresourceDefinition } from '../contract/definition.js';
import { kindKey } from '../contract/kind-module.js';
import { podRowConditions } from '../core/v1/pod/pod.columns.js';
import { fieldLabelsOf } from '../definition/field-labels.js';
import { apiFacts, type ResourceFacts } from '../facts/facts.js';
import { kindStrategies } from '../registry/kind-strategies.js';
import { versionsOf } from '../registry/stored-versions.js';
import { createStrategy } from '../strategy/generic-strategy.js';

/** Every built-in resource of the release, in served order. Made once; the definitions are shared and must not be changed. */
export function allResources(): readonly ResourceDefinition[] {
  return (built ??= apiFacts().resources.map(define));
}

let built: ResourceDefinition[] | undefined;
let byName: Map<string, ResourceDefinition> | undefined;

/** The resource that a path names; the core group is ''. */
export function findResource(group: string, version: string, plural: string): ResourceDefinition | undefined {
  byName ??= new Map(allResources().map((item) => [`${item.group}/${item.version}/${item.plural}`, item]));
  return byName.get(`${group}/${version}/${plural}`);
}

/** The resource of a kind. */
export function findKind(group: string, version: string, kind: string): ResourceDefinition | undefined {
  return allResources().find((item) => item.group === group && item.version === version && item.kind === kind);
}

const deprecations = bare<string>({
  'v1/ComponentStatus': 'v1 ComponentStatus is deprecated in v1.19+',
  'v1/Endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
});

function define(facts: ResourceFacts): ResourceDefinition {
  const { group, version, kind, plural } = facts;
  const key = kindKey(group, version, kind);
  const table = tableOf(facts);
  const labels = fieldLabelsOf(key);
  const stored = versionsOf(facts);
  let strategy: ResourceDefinition['strategy'] | undefined;
  return {
    group,
    version,
    kind,
    plural,
    singular: facts.singular,
    namespaced: facts.namespaced,
    verbs: facts.verbs,
    shortNames: facts.shortNames ?? [],
    categories: facts.categories ?? [],
    subresources: (facts.subresources ?? []).map((subresource) => defineSubresource(facts, subresource)),
    storageResource: stored.resource,
    storageVersion: stored.version,
    schemaName: facts.type,
    get strategy() {
      return (strategy ??= createStrategy(facts, ownValue(kindStrategies, key) ?? {}));
    },
    ...(deprecations[key] === undefined ? undefined : { deprecationWarning: deprecations[key] }),
    get columns() {
      return table.columns;
    },
    cells: (object: KubeObject, now: Date) => table.cells(object, now),
    ...(key === 'v1/Pod' ? { rowConditions: podRowConditions as (object: KubeObject) => object[] } : undefined),
    fieldLabels: labels.names,
    fieldValue: labels.value,
    toStorage: stored.toStorage,
    fromStorage: stored.fromStorage,
  };
}

function defineSubresource(
  parent: ResourceFacts,
  facts: NonNullable<ResourceFacts['subresources']>[number],
): SubresourceDefinition {
  const [group, version] = facts.gv === undefined ? [parent.group, parent.version] : facts.gv.split('/');
  return { name: facts.name, kind: facts.kind, verbs: facts.verbs, group: group!, version: version! };
}
