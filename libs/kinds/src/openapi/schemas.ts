import { ownValue, setOwn } from '#apimachinery';
import { apiFacts, type FieldFacts, type TypeFacts } from '../facts/facts.js';
import type { Descriptions } from './descriptions.js';

/** OpenAPI schemas of the API's types, in the dialect of version 2 or 3. */

export type Dialect = 2 | 3;
export type Json = Record<string, unknown>;

export function refTo(dialect: Dialect, name: string): Json {
  return { $ref: `${dialect === 3 ? '#/components/schemas/' : '#/definitions/'}${name}` };
}

/** Schemas of these types and of all that they refer to, in order of their names. */
export function schemasFor(
  dialect: Dialect,
  roots: Iterable<string>,
  descriptions: Descriptions,
): Record<string, Json> {
  const names = new Set<string>();
  const waiting = [...roots];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (names.has(name)) continue;
    const type = ownValue(apiFacts().types, name);
    if (type === undefined) continue;
    names.add(name);
    for (const field of Object.values(type.fields ?? {})) {
      const match = /#([^=|]+)/.exec(typeof field === 'string' ? field : field.t);
      if (match !== null) waiting.push(match[1]!);
    }
  }
  const schemas: Record<string, Json> = {};
  for (const name of [...names].sort()) {
    setOwn(schemas, name, typeSchema(dialect, ownValue(apiFacts().types, name)!, descriptions.ofType(name)));
  }
  return schemas;
}

function typeSchema(dialect: Dialect, type: TypeFacts, describe: (field: string) => string | undefined): Json {
  const schema: Json = type.fields === undefined ? { ...scalarType(dialect, type) } : {};
  schema['description'] = describe('');
  if (type.fields !== undefined) {
    schema['type'] = 'object';
    if (type.required !== undefined) schema['required'] = type.required;
    const properties: Record<string, Json> = {};
    for (const [name, field] of Object.entries(type.fields)) {
      const property = fieldSchema(dialect, typeof field === 'string' ? { t: field } : field);
      property['description'] = describe(name);
      setOwn(properties, name, property);
    }
    schema['properties'] = properties;
  }
  if (type.gvk !== undefined) schema['x-kubernetes-group-version-kind'] = type.gvk.map(gvkOf);
  if (type.mapType !== undefined) schema['x-kubernetes-map-type'] = type.mapType;
  if (type.unions !== undefined) schema['x-kubernetes-unions'] = type.unions;
  return schema;
}

/** `group/version/Kind`, core without group. */
function gvkOf(text: string): { group: string; kind: string; version: string } {
  const parts = text.split('/');
  const kind = parts.pop()!;
  const version = parts.pop()!;
  return { group: parts.join('/'), kind, version };
}

function scalarType(dialect: Dialect, type: TypeFacts): Json {
  const expression = type.t ?? 'any';
  const format: Json = type.format === undefined ? {} : { format: type.format };
  if (!expression.includes('|')) return { ...expressionSchema(dialect, expression), ...format };
  if (dialect === 2) return { type: 'string', ...format };
  return { ...format, oneOf: expression.split('|').map((part) => expressionSchema(dialect, part)) };
}

function fieldSchema(dialect: Dialect, field: FieldFacts): Json {
  const expression = field.t.endsWith('=') ? field.t.slice(0, -1) : field.t;
  const base = expressionSchema(dialect, expression);
  const extra: Json = {};
  const value = field.default ?? (field.t.endsWith('=') ? zeroOf(expression) : undefined);
  if (value !== undefined) extra['default'] = value;
  if (field.listType !== undefined) extra['x-kubernetes-list-type'] = field.listType;
  if (field.listKeys !== undefined) extra['x-kubernetes-list-map-keys'] = field.listKeys;
  if (field.mapType !== undefined) extra['x-kubernetes-map-type'] = field.mapType;
  if (field.mergeKey !== undefined) extra['x-kubernetes-patch-merge-key'] = field.mergeKey;
  if (field.patch !== undefined) extra['x-kubernetes-patch-strategy'] = field.patch;
  if (field.unions !== undefined) extra['x-kubernetes-unions'] = field.unions;
  if (field.intOrString) extra['x-kubernetes-int-or-string'] = true;
  if (field.embedded) extra['x-kubernetes-embedded-resource'] = true;
  if (field.preserveUnknown) extra['x-kubernetes-preserve-unknown-fields'] = true;
  if (field.enum !== undefined) {
    const items = base['items'] as Json | undefined;
    if (items === undefined) extra['enum'] = field.enum;
    else base['items'] = { ...items, enum: field.enum };
  }
  if (base['$ref'] === undefined) return { ...base, ...extra };
  // A reference has no siblings in OpenAPI 2 and 3.0: version 3 wraps it, version 2 lets the default go. Only the
  // description stands beside it all the same, for clients that know to look there.
  if (dialect === 2) return base;
  return Object.keys(extra).length === 0 ? { allOf: [base] } : { allOf: [base], ...extra };
}

function zeroOf(expression: string): unknown {
  if (expression.startsWith('#') || expression.startsWith('map[]')) return {};
  switch (expression) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'integer':
    case 'number':
    case 'double':
      return 0;
    default:
      return undefined;
  }
}

function expressionSchema(dialect: Dialect, expression: string): Json {
  if (expression.startsWith('[]')) return { type: 'array', items: itemSchema(dialect, expression.slice(2)) };
  if (expression.startsWith('map[]')) {
    return { type: 'object', additionalProperties: itemSchema(dialect, expression.slice(5)) };
  }
  if (expression.startsWith('#')) return refTo(dialect, expression.slice(1));
  switch (expression) {
    case 'int32':
    case 'int64':
      return { type: 'integer', format: expression };
    case 'double':
      return { type: 'number', format: 'double' };
    case 'byte':
    case 'date-time':
      return { type: 'string', format: expression };
    case 'any':
      return {};
    default:
      return { type: expression };
  }
}

/** Elements carry the zero default of their type in version 3, which puts a reference into allOf. */
function itemSchema(dialect: Dialect, expression: string): Json {
  const schema = expressionSchema(dialect, expression);
  if (dialect === 2) return schema;
  const value = zeroOf(expression);
  if (schema['$ref'] !== undefined) return { allOf: [schema], default: value };
  return value === undefined || expression.startsWith('map[]') ? schema : { ...schema, default: value };
}
