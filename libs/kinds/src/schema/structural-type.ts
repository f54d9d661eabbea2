import type { FieldFacts } from '../facts/facts.js';
import { type Field, type Scalar, type StructType, structType, type TypeRef } from './type-graph.js';

/**
 * Types made from a schema at run time: the part of OpenAPI version 3 below. Texts stay as they are written, whatever their
 * format; null is as good as absent; fields that are not named go, unless the schema keeps them.
 */
export interface StructuralSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema;
  readonly items?: StructuralSchema;
  readonly required?: readonly string[];
  /** Of texts. */
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
}

const understood: ReadonlySet<string> = new Set<keyof StructuralSchema>([
  'type',
  'format',
  'description',
  'properties',
  'additionalProperties',
  'items',
  'required',
  'enum',
  'default',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
]);

const inherited: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** The type of whole objects; `name` is its OpenAPI name. Throws an Error that names the field for what is not understood. */
export function objectType(name: string, schema: StructuralSchema): StructType {
  check(schema, '');
  if (schema.properties === undefined) throw new Error('type: must be an object with properties');
  const fields = new Map<string, Field>([
    ['apiVersion', fieldOf('apiVersion', { type: 'string' }, 'apiVersion')],
    ['kind', fieldOf('kind', { type: 'string' }, 'kind')],
    ['metadata', plainField('metadata', { kind: 'struct', type: structType(META), goType: 'v1.ObjectMeta' })],
  ]);
  for (const [field, below] of Object.entries(schema.properties)) {
    if (!fields.has(field)) fields.set(field, fieldOf(field, below, field));
  }
  return struct(name, schema, fields);
}

function struct(name: string, schema: StructuralSchema, fields: ReadonlyMap<string, Field>): StructType {
  const defaults = Object.entries(schema.properties ?? {}).filter(([, below]) => below.default !== undefined);
  return {
    name,
    goName: name.slice(name.lastIndexOf('.') + 1),
    fields,
    required: new Set(schema.required),
    defaults: Object.fromEntries(defaults.map(([field, below]) => [field, below.default])),
    mapType: schema['x-kubernetes-map-type'],
    hasZeroValues: false,
  };
}

function fieldOf(name: string, schema: StructuralSchema, path: string): Field {
  // Fields with defaults are looked up without asking whose they are: every object has something of such a name.
  if (inherited.has(name)) throw new Error(`${path}: is not supported as the name of a field`);
  check(schema, path);
  const facts: FieldFacts = { t: '' };
  const values = schema.enum ?? schema.items?.enum;
  if (schema.default !== undefined) facts.default = schema.default;
  if (values !== undefined) facts.enum = [...values];
  if (schema['x-kubernetes-list-type'] !== undefined) facts.listType = schema['x-kubernetes-list-type'];
  if (schema['x-kubernetes-list-map-keys'] !== undefined) facts.listKeys = [...schema['x-kubernetes-list-map-keys']];
  if (schema['x-kubernetes-map-type'] !== undefined) facts.mapType = schema['x-kubernetes-map-type'];
  return { ...plainField(name, refOf(schema, path)), facts };
}

function plainField(name: string, ref: TypeRef): Field {
  return { name, facts: { t: '' }, presence: 'optional', gatedOff: false, ref };
}

function refOf(schema: StructuralSchema, path: string): TypeRef {
  check(schema, path);
  if (schema['x-kubernetes-int-or-string']) return scalar('int-or-string', 'intstr.IntOrString');
  switch (schema.type) {
    case 'string':
      return scalar('string', 'string');
    case 'boolean':
      return scalar('boolean', 'bool');
    case 'integer':
      return schema.format === 'int32' ? scalar('int32', 'int32') : scalar('int64', 'int64');
    case 'number':
      return scalar('double', 'float64');
    case 'array': {
      if (schema.items === undefined) throw new Error(`${path}.items: must be set for an array`);
      const item = refOf(schema.items, `${path}[*]`);
      return { kind: 'list', item, goType: `[]${item.goType}` };
    }
    case 'object':
      return objectRef(schema, path);
    default:
      if (schema['x-kubernetes-preserve-unknown-fields']) return { kind: 'opaque', goType: 'interface {}' };
      throw new Error(`${path}.type: must be set`);
  }
}

function objectRef(schema: StructuralSchema, path: string): TypeRef {
  const { properties, additionalProperties } = schema;
  const keepsAll = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if ([properties, additionalProperties, keepsAll || undefined].filter((way) => way !== undefined).length > 1) {
    throw new Error(`${path}: properties, additionalProperties and kept unknown fields exclude each other`);
  }
  if (keepsAll) return { kind: 'opaque', goType: 'map[string]interface {}' };
  if (additionalProperties !== undefined) {
    const value = refOf(additionalProperties, `${path}.*`);
    return { kind: 'map', value, goType: `map[string]${value.goType}` };
  }
  const fields = new Map(
    Object.entries(properties ?? {}).map(([name, below]) => [name, fieldOf(name, below, `${path}.${name}`)]),
  );
  return { kind: 'struct', type: struct(path, schema, fields), goType: path };
}

function scalar(kind: Scalar, goType: string): TypeRef {
  return { kind: 'scalar', scalar: kind, goType };
}

function check(schema: StructuralSchema, path: string): void {
  for (const keyword of Object.keys(schema)) {
    if (!understood.has(keyword)) throw new Error(`${path === '' ? keyword : `${path}.${keyword}`}: is not supported`);
  }
}
