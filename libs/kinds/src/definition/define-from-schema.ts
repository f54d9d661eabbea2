import { nameAndAge } from '../columns/cells.js';
import type { Table } from '../columns/table.js';
import { tableOf } from '../columns/table.js';
import type { ResourceDefinition } from '../contract/definition.js';
import type { KindStrategy, KindValidator, KindWarnings, StoredVersion } from '../contract/kind-module.js';
import { TypeDefaults } from '../defaults/type-defaults.js';
import { CUSTOM_RESOURCE, kindFacts } from '../facts/kind-facts.js';
import { type Dialect, type Json, refTo } from '../openapi/schemas.js';
import { objectType, type StructuralSchema } from '../schema/structural-type.js';
import { defineResource } from './define-resource.js';
import { schemaValidator } from './schema-validation.js';

/** A resource that no release knows: its names, and a schema of its objects. */
export interface SchemaResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** apiVersion, kind and metadata are those of all objects, whatever it says of them. */
  readonly schema: StructuralSchema;
  /** Status is written through an endpoint of its own, and by nobody else. */
  readonly hasStatusEndpoint: boolean;
  /** All of stored objects when they are missing. */
  readonly verbs?: readonly string[];
  /** Paths that field selectors may use: `spec.color`. */
  readonly fieldLabels?: readonly string[];
  /** Name and age when it is missing. */
  readonly table?: Table;
  readonly stored?: StoredVersion;
  /** `<kind>List` when it is missing. */
  readonly listKind?: string;
  /** What is done around a write; without it, changes of the schema's fields beside status make a new generation. */
  readonly strategy?: KindStrategy;
  /** Checks beyond those of the schema. */
  readonly checks?: Omit<KindValidator, 'rules'>;
  readonly warnings?: KindWarnings;
}

const STORED_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Throws an Error that names the field for a schema, or a part of one, that is not understood. */
export function defineFromSchema(source: SchemaResource): ResourceDefinition {
  const { group, version, kind, schema, hasStatusEndpoint } = source;
  const name = [...group.split('.').reverse(), version, kind].join('.');
  const type = objectType(name, schema);
  const facts = kindFacts(CUSTOM_RESOURCE);
  const ofSystem = ['apiVersion', 'kind', 'metadata', ...(hasStatusEndpoint ? ['status'] : [])];
  return defineResource({
    resource: {
      group,
      version,
      kind,
      plural: source.plural,
      singular: source.singular,
      namespaced: source.namespaced,
      shortNames: [...(source.shortNames ?? [])],
      categories: [...(source.categories ?? [])],
      verbs: [...(source.verbs ?? STORED_VERBS)],
      type: name,
      subresources: hasStatusEndpoint ? [{ name: 'status', kind, verbs: ['get', 'patch', 'update'] }] : [],
    },
    type,
    facts: {
      ...facts,
      fieldLabels: source.fieldLabels ?? [],
      clearsStatus: hasStatusEndpoint,
    },
    module: {
      group,
      version,
      kind,
      strategy: source.strategy ?? {
        generationOf: Object.keys(schema.properties ?? {}).filter((field) => !ofSystem.includes(field)),
      },
      validator: withChecks(schemaValidator(type), source.checks),
      warnings: source.warnings,
      statusEndpointWrites: 'status',
      stored: source.stored,
    },
    typeDefaults: new TypeDefaults(new Map()),
    table: source.table ?? tableOf(facts.columns, nameAndAge),
    listKind: source.listKind,
    openApiSchemas: (dialect) => openApiSchemas(dialect, name, source),
  });
}

function withChecks(schema: KindValidator, checks: SchemaResource['checks']): KindValidator {
  if (checks === undefined) return schema;
  return {
    rules: schema.rules,
    validateCreate: (object, context) => [
      ...schema.validateCreate(object, context),
      ...checks.validateCreate(object, context),
    ],
    validateUpdate: (object, old, context) => [
      ...schema.validateUpdate(object, old, context),
      ...checks.validateUpdate(object, old, context),
    ],
  };
}

const metaV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1';

function openApiSchemas(dialect: Dialect, name: string, source: SchemaResource) {
  const { group, version, kind, schema, listKind = `${kind}List` } = source;
  const gvk = (of: string) => ({ 'x-kubernetes-group-version-kind': [{ group, version, kind: of }] });
  const text = { type: 'string' };
  const meta = (type: string): Json => (dialect === 3 ? { allOf: [refTo(3, type)], default: {} } : refTo(2, type));
  const shared = { apiVersion: text, kind: text };
  return {
    [name]: {
      ...schema,
      properties: { ...schema.properties, ...shared, metadata: meta(`${metaV1}.ObjectMeta`) },
      ...gvk(kind),
    },
    [`${name}List`]: {
      type: 'object',
      required: ['items'],
      properties: {
        ...shared,
        metadata: meta(`${metaV1}.ListMeta`),
        items: { type: 'array', items: refTo(dialect, name) },
      },
      ...gvk(listKind),
    },
  };
}
