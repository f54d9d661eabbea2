import { setOwn } from '#apimachinery';
import { type Dialect, type Json, refTo } from '../../openapi/schemas.js';
import { isSchema, type StructuralSchema } from './structural.js';

/** What OpenAPI documents say of a schema: apiextensions-apiserver's controller/openapi. */

/** Descriptions of the fields that all objects have, and the types of their metadata. */
export interface SharedFields {
  readonly apiVersion: Json;
  readonly kind: Json;
  readonly metadata: Json;
}

const PRESERVE = 'x-kubernetes-preserve-unknown-fields';
const EMBEDDED = 'x-kubernetes-embedded-resource';
const INT_OR_STRING = 'x-kubernetes-int-or-string';
const intOrString = [{ type: 'integer' }, { type: 'string' }];
/** What version 2 cannot say. */
const alternatives = ['allOf', 'anyOf', 'oneOf', 'not'];
/** Words that say nothing when they are false. */
const flags: ReadonlySet<string> = new Set([
  'nullable',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'uniqueItems',
  PRESERVE,
  EMBEDDED,
  INT_OR_STRING,
]);

/** Of whole objects. */
export function publishedSchema(dialect: Dialect, schema: StructuralSchema, shared: SharedFields): Json {
  // Clients of version 2 take whatever is not named for a mistake, so an open object names nothing.
  if (dialect === 2 && schema[PRESERVE] === true) return { type: 'object' };
  const published = publish(dialect, schema, shared);
  return { ...published, properties: { ...(published['properties'] as Json), ...shared } };
}

function publish(dialect: Dialect, schema: StructuralSchema, shared: SharedFields): Json {
  const published: Json = {};
  for (const [name, value] of Object.entries(schema)) {
    if (value === undefined || value === null || value === '' || (flags.has(name) && value === false)) continue;
    if (dialect === 2 && alternatives.includes(name)) continue;
    setOwn(published, name, publishedWord(dialect, name, value, shared));
  }
  if (dialect === 3) sayIntOrString(published, schema);
  else reduce(published, schema);
  if (schema[EMBEDDED] === true && !(dialect === 2 && schema[PRESERVE] === true)) addMetaFields(published, shared);
  return published;
}

function publishedWord(dialect: Dialect, name: string, value: unknown, shared: SharedFields): unknown {
  if (name === 'properties') {
    const properties: Json = {};
    for (const [key, property] of Object.entries(value as Record<string, StructuralSchema>)) {
      setOwn(properties, key, publish(dialect, property, shared));
    }
    return properties;
  }
  const holdsSchema = name === 'items' || name === 'additionalProperties';
  return holdsSchema && isSchema(value) ? publish(dialect, value, shared) : value;
}

/** Version 3 says in its own words what x-kubernetes-int-or-string stands for. */
function sayIntOrString(published: Json, schema: StructuralSchema): void {
  if (schema[INT_OR_STRING] !== true) return;
  const isPattern = (value: unknown): boolean => JSON.stringify(value) === JSON.stringify(intOrString);
  if (isPattern(schema.anyOf) || isPattern(schema.allOf?.[0]?.anyOf)) return;
  if (schema.anyOf === undefined) published['anyOf'] = intOrString;
  else published['allOf'] = [{ anyOf: intOrString }, ...(schema.allOf ?? [])];
}

/** Leaves out what makes clients of version 2 refuse good objects. */
function reduce(published: Json, schema: StructuralSchema): void {
  const open = schema[PRESERVE] === true;
  if (schema.nullable === true) {
    delete published['type'];
    delete published['nullable'];
  }
  if (schema.nullable === true || open) {
    delete published['items'];
    delete published['properties'];
  }
  if (published['type'] === 'array' && published['items'] === undefined) delete published['type'];
  if (published['type'] === 'object' && open) delete published['type'];
  const { required, additionalProperties: more } = schema;
  if (required === undefined) return;
  const kept = required.filter((name) => {
    const properties = published['properties'] === undefined ? undefined : schema.properties;
    return !(properties !== undefined && Object.hasOwn(properties, name) && properties[name]!.nullable === true);
  });
  if (kept.length === 0 || (isSchema(more) && more.nullable === true)) delete published['required'];
  else published['required'] = kept;
}

function addMetaFields(published: Json, shared: SharedFields): void {
  published['properties'] = { ...(published['properties'] as Json | undefined), ...shared };
  const required = (published['required'] as string[] | undefined) ?? [];
  const missing = ['kind', 'apiVersion'].filter((name) => !required.includes(name));
  published['required'] = [...required, ...missing];
}

/** A reference with a description, which version 3 wraps. */
export function describedRef(dialect: Dialect, type: string, description: string | undefined): Json {
  const reference = refTo(dialect, type);
  return { ...(dialect === 3 ? { allOf: [reference] } : reference), ...(description && { description }) };
}
