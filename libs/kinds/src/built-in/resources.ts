import type { ResourceDefinition } from '../contract/definition.js';
import type { KindModule } from '../contract/kind-module.js';
import { TypeDefaults, type TypeRules } from '../defaults/type-defaults.js';
import { defineResource } from '../definition/define-resource.js';
import { apiFacts, type ResourceFacts } from '../facts/facts.js';
import { kindFacts } from '../facts/kind-facts.js';
import { kindKey } from '../facts/kind-key.js';
import { structType } from '../schema/type-graph.js';
import { kindModules } from './kind-modules.generated.js';

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

/** By key, as kindKey makes it. */
export const modulesByKind: ReadonlyMap<string, KindModule> = new Map(
  kindModules.map((module) => [kindKey(module.group, module.version, module.kind), module]),
);

/** Of the types of the release: those that kinds have rules for, and all others. */
export const builtInTypeDefaults = new TypeDefaults(
  new Map<string, TypeRules>(kindModules.flatMap(({ typeDefaults }) => Object.entries(typeDefaults ?? {}))),
);

function define(resource: ResourceFacts): ResourceDefinition {
  const { group, version, kind } = resource;
  const key = kindKey(group, version, kind);
  return defineResource({
    resource,
    type: structType(resource.type),
    facts: kindFacts(key),
    // Most of those without are reviews: nothing of them is special.
    module: modulesByKind.get(key) ?? { group, version, kind },
    typeDefaults: builtInTypeDefaults,
  });
}
