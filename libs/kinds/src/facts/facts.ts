import { readFileSync } from 'node:fs';
import type { EnforcedRule } from '../validation/rules.js';

/**
 * The API's facts as data: names, types, rules of v1.37. The JSON beside this file is read on first use and kept parsed;
 * everything else in this library is derived from it lazily, type by type, so that a process pays for the kinds that it
 * touches.
 */

export interface FieldFacts {
  /** Type expression: scalar name, `#Type`, `[]X`, `map[]X`; a trailing `=` says that the document has a zero default. */
  t: string;
  default?: unknown;
  enum?: string[];
  listType?: 'atomic' | 'map' | 'set';
  listKeys?: string[];
  mapType?: 'atomic' | 'granular';
  mergeKey?: string;
  patch?: string;
  unions?: unknown;
  intOrString?: boolean;
  embedded?: boolean;
  preserveUnknown?: boolean;
}

export interface TypeFacts {
  gvk?: string[];
  required?: string[];
  mapType?: 'atomic' | 'granular';
  unions?: unknown;
  fields?: Record<string, string | FieldFacts>;
  /** Scalar types have this in place of fields. */
  t?: string;
  format?: string;
}

export interface ResourceFacts {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  namespaced: boolean;
  verbs: string[];
  type: string;
  shortNames?: string[];
  categories?: string[];
  subresources?: { name: string; kind: string; verbs: string[]; gv?: string }[];
}

export interface ApiFacts {
  groups: { name: string; versions: string[] }[];
  resources: ResourceFacts[];
  /** Query parameters, name to type, by action. */
  params: Record<string, Record<string, string>>;
  types: Record<string, TypeFacts>;
}

/** How the reference's JSON encoder treats a type's fields: from the json tags of the Go types. */
export interface WireFacts {
  /** Value fields left out when they are zero or empty. Fields that are in none of the lists are left out when unset. */
  omit?: string[];
  /** Value fields that are always there, with their zero value if need be. */
  always?: string[];
  /** Fields that are always there and whose zero value reads `null`: lists, maps, times, pointers. */
  nulls?: string[];
  /** Go type names of fields where they do not follow from the type expression: decode errors say them. */
  go?: Record<string, string>;
}

export interface DefaultsFacts {
  /** By schema name. */
  types: Record<string, Record<string, unknown>>;
  /** By group/version/Kind. */
  kinds: Record<string, Record<string, unknown>>;
  /** Kinds, by what a create does to them. */
  onCreate: Record<'status cleared' | 'generation 1 on create, +1 on spec change', string[]>;
}

export interface KindRules {
  /** The format of names. */
  name: string;
  /** Of kinds that are not stored. */
  rules?: EnforcedRule[];
}

/** All by group/version/Kind. */
export interface ValidationFacts {
  kinds: Record<string, KindRules>;
  putCreatesMissing: string[];
  updateNeedsResourceVersion: string[];
  shortFinalizers: string[];
  fieldSelectors: Record<string, string[]>;
}

/** name, type, format, priority, how the cell is made. */
export type ColumnFacts = [string, string, string, number, string];

export interface GateFacts {
  gates: Record<string, { stage: string; on: boolean; locked: boolean }>;
  fields: Record<string, { gate: string[]; on: boolean }>;
}

interface PolicyRuleFacts {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
  verbs: string[];
}

interface RoleFacts {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  aggregate?: Record<string, string>[];
  rules?: PolicyRuleFacts[];
}

interface BindingFacts {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  roleRef: string;
  subjects: string[];
}

export interface RbacFacts {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  clusterRoles: RoleFacts[];
  clusterRoleBindings: BindingFacts[];
  controllerClusterRoles: RoleFacts[];
  controllerClusterRoleBindings: BindingFacts[];
  roles: RoleFacts[];
  roleBindings: BindingFacts[];
}

function lazily<T>(file: string): () => T {
  let value: T | undefined;
  return () => (value ??= JSON.parse(readFileSync(new URL(`./${file}`, import.meta.url), 'utf8')) as T);
}

export const apiFacts = lazily<ApiFacts>('api.json');
export const wireFacts = lazily<{ types: Record<string, WireFacts> }>('wire.json');
export const defaultsFacts = lazily<DefaultsFacts>('defaults.json');
export const validationFacts = lazily<ValidationFacts>('validation.json');
export const columnFacts = lazily<{ kinds: Record<string, ColumnFacts[]> }>('columns.json');
export const gateFacts = lazily<GateFacts>('field-gates.json');

/** Names of the time zone database, links among them, as Go has them. */
export const timeZoneFacts = lazily<{ names: string[] }>('time-zones.json');

/** Not kept: read once at bootstrap. */
export function rbacFacts(): RbacFacts {
  return lazily<RbacFacts>('rbac-bootstrap.json')();
}
