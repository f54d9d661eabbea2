import type { KubeObject } from '#apimachinery';
import { nameAndAge } from '../columns/cells.js';
import type { Table } from '../columns/table.js';
import { tableOf } from '../columns/table.js';
import type { ResourceDefinition } from '../contract/definition.js';
import type { KindStrategy, KindValidator, KindWarnings, StoredVersion } from '../contract/kind-module.js';
import { TypeDefaults } from '../defaults/type-defaults.js';
import { CUSTOM_RESOURCE, kindFacts } from '../facts/kind-facts.js';
import { openDescriptions } from '../openapi/descriptions.js';
import { type Dialect, type Json, refTo } from '../openapi/schemas.js';
import { OBJECT_META } from '../schema/structural/embedded-metadata.js';
import { ObjectForm } from '../schema/structural/object-form.js';
import { describedRef, publishedSchema, type SharedFields } from '../schema/structural/published-schema.js';
import { rulesOf } from '../schema/structural/rules-of.js';
import type { StructuralSchema } from '../schema/structural/structural.js';
import { type Field, type StructType, structType } from '../schema/type-graph.js';
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

export interface SchemaDefinition extends ResourceDefinition {
  /**
   * A copy in the form of this schema of an object that was stored when the schema was another. It costs a pass over the object, so
   * it is for schemas that did change.
   */
  fromStorage(object: KubeObject): KubeObject;
}

const STORED_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** A schema costs nothing until the first object comes. It must have passed the validation of CustomResourceDefinitions. */
export function defineFromSchema(source: SchemaResource): SchemaDefinition {
  const { group, version, kind, schema, hasStatusEndpoint } = source;
  const name = [...group.split('.').reverse(), version, kind].join('.');
  const form = new ObjectForm(schema);
  const facts = kindFacts(CUSTOM_RESOURCE);
  const ofSystem = ['apiVersion', 'kind', 'metadata', ...(hasStatusEndpoint ? ['status'] : [])];
  const definition = defineResource({
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
    type: typeOf(name, schema),
    form,
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
      validator: withChecks(
        schemaValidator(form.root, () => rulesOf(form.root)),
        source.checks,
      ),
      warnings: source.warnings,
      statusEndpointWrites: 'status',
      stored: source.stored,
    },
    typeDefaults: new TypeDefaults(new Map()),
    table: source.table ?? tableOf(facts.columns, nameAndAge),
    listKind: source.listKind,
    openApiSchemas: (dialect) => openApiSchemas(dialect, name, source),
  });
  // The getters of the definition stay: what they make is made at first use.
  return Object.assign(definition, { fromStorage: (object: KubeObject) => form.fromStorage(object) });
}

/** The little that generic code asks of a type: its name, and whether there is a status. */
function typeOf(name: string, schema: StructuralSchema): StructType {
  const fields = new Map<string, Field>();
  for (const field of ['apiVersion', 'kind', 'status', ...Object.keys(schema.properties ?? {})]) {
    const ref = { kind: 'opaque', goType: 'interface {}' } as const;
    fields.set(field, { name: field, facts: { t: '' }, presence: 'optional', gatedOff: false, ref });
  }
  const metadata = { kind: 'struct', type: structType(OBJECT_META), goType: 'v1.ObjectMeta' } as const;
  fields.set('metadata', {
    name: 'metadata',
    facts: { t: '' },
    presence: 'optional',
    gatedOff: false,
    ref: metadata,
  });
  return {
    name,
    goName: name.slice(name.lastIndexOf('.') + 1),
    fields,
    required: new Set(),
    defaults: {},
    mapType: undefined,
    hasZeroValues: false,
  };
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
  const { group, version, kind, plural, schema, listKind = `${kind}List` } = source;
  const gvk = (of: string) => ({ 'x-kubernetes-group-version-kind': [{ group, version, kind: of }] });
  const describe = openDescriptions().ofType(`${metaV1}.${kind}`);
  const described = (field: string): Json => ({ type: 'string', description: describe(field) });
  const shared: SharedFields = {
    apiVersion: described('apiVersion'),
    kind: described('kind'),
    metadata: describedRef(dialect, `${metaV1}.ObjectMeta`, describe('metadata')),
  };
  return {
    [name]: { ...publishedSchema(dialect, schema, shared), ...gvk(kind) },
    [`${name}List`]: {
      type: 'object',
      description: `${kind}List is a list of ${kind}`,
      required: ['items'],
      properties: {
        ...shared,
        metadata: describedRef(dialect, `${metaV1}.ListMeta`, 'Version of the list, and where the next page begins.'),
        items: { type: 'array', items: refTo(dialect, name), description: `List of ${plural}.` },
      },
      ...gvk(listKind),
    },
  };
}
