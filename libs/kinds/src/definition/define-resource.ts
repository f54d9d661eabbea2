import type { KubeObject } from '#apimachinery';
import { type Table, tableOf } from '../columns/table.js';
import type { ResourceDefinition, SubresourceDefinition } from '../contract/definition.js';
import type { KindModule } from '../contract/kind-module.js';
import type { TypeDefaults } from '../defaults/type-defaults.js';
import { apiFacts, type ResourceFacts } from '../facts/facts.js';
import type { KindFacts } from '../facts/kind-facts.js';
import { kindKey } from '../facts/kind-key.js';
import { decode } from '../schema/decode.js';
import { schemaNodeOf } from '../schema/schema-node.js';
import type { StructType } from '../schema/type-graph.js';
import { createStrategy } from '../strategy/generic-strategy.js';
import { fieldLabelsOf } from './field-labels.js';

/** What a definition is made of: names and verbs, the type, what the facts say of the kind, and what is special of it. */
export interface ResourceSource {
  readonly resource: ResourceFacts;
  readonly type: StructType;
  /** In place of what follows from the type. */
  readonly form?: ResourceForm;
  readonly facts: KindFacts;
  readonly module: KindModule;
  /** Defaults of the types that the object is made of. */
  readonly typeDefaults: TypeDefaults;
  /** In place of the table that follows from the facts and the module. */
  readonly table?: Table;
  /** `<kind>List` when it is missing. */
  readonly listKind?: string;
  readonly openApiSchemas?: ResourceDefinition['openApiSchemas'];
}

/** How objects are read, filled in and merged. */
export interface ResourceForm {
  decode: ResourceDefinition['decode'];
  readonly schemaNode: ResourceDefinition['schema'];
  applyDefaults(object: KubeObject): void;
}

const NO_POLICY: ResourceDefinition['deletion'] = {};

/**
 * What costs something is made on first use: a process pays for the kinds that it touches. Throws an Error for a kind whose
 * objects can be updated without validation.
 */
export function defineResource(source: ResourceSource): ResourceDefinition {
  const { resource, type, form, facts, module } = source;
  const { group, version, kind, plural, namespaced } = resource;
  if (module.validator === undefined && resource.verbs.includes('update')) {
    throw new Error(`${kindKey(group, version, kind)} can be updated, and has no validator`);
  }
  const subresources = (resource.subresources ?? []).map((subresource) => defineSubresource(resource, subresource));
  const hasStatusEndpoint = subresources.some(({ name }) => name === 'status');
  const labels = fieldLabelsOf(facts.fieldLabels, module.fieldLabels);
  const stored = module.stored ?? resource;
  let table: Table | undefined = source.table;
  const tableOnUse = (): Table => (table ??= tableOf(facts.columns, module.cells));
  let strategy: ResourceDefinition['strategy'] | undefined;
  return {
    group,
    version,
    kind,
    listKind: source.listKind ?? `${kind}List`,
    plural,
    singular: resource.singular,
    namespaced,
    verbs: resource.verbs,
    shortNames: resource.shortNames ?? [],
    categories: resource.categories ?? [],
    subresources,
    storageResource: stored.group === '' ? plural : `${stored.group}/${plural}`,
    storageVersion: { group: stored.group, version: stored.version },
    schemaName: type.name,
    listSchemaName: source.openApiSchemas === undefined ? listNameOf(type.name) : `${type.name}List`,
    decode: (value) => (form === undefined ? decode(type, value) : form.decode(value)),
    get schema() {
      return form === undefined ? schemaNodeOf(type) : form.schemaNode;
    },
    openApiSchemas: source.openApiSchemas,
    get strategy() {
      return (strategy ??= createStrategy({ ...source, namespaced, hasStatusEndpoint }));
    },
    deletion: module.deletion ?? NO_POLICY,
    deprecationWarning: module.deprecation,
    get columns() {
      return tableOnUse().columns;
    },
    cells: (object: KubeObject, now: Date) => tableOnUse().cells(object, now),
    rowConditions: module.rowConditions,
    fieldLabels: labels.names,
    fieldValue: labels.value,
    conversion: module.stored?.conversion,
  };
}

/** Reviews have no lists. */
function listNameOf(type: string): string {
  const list = `${type}List`;
  return Object.hasOwn(apiFacts().types, list) ? list : type;
}

function defineSubresource(
  parent: ResourceFacts,
  facts: NonNullable<ResourceFacts['subresources']>[number],
): SubresourceDefinition {
  const [group, version] = facts.gv === undefined ? [parent.group, parent.version] : facts.gv.split('/');
  return { name: facts.name, kind: facts.kind, verbs: facts.verbs, group: group!, version: version! };
}
