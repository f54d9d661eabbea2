import { ownValue } from '#apimachinery';
import { type CelField, type CelType, cel, withMaxSize } from './type.js';

/** Sizes of JSON: k8s.io/apiserver/pkg/cel/limits.go. */
const MAX_REQUEST = 3 * 1024 * 1024;
const MAX_TEXT = MAX_REQUEST - 2;
const MAX_TIME = 32;
const MAX_DATE = 12;
const MIN_OBJECT = 2;
const MIN_TEXT = 2;
const MIN_DURATION = 3;
const MIN_DATE_TIME = 21;
const MIN_BOOL = 4;
const MIN_NUMBER = 1;
/** A colon, quotes and a comma. */
const FIELD_OVERHEAD = 4;

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'true false null in as break const continue else for function if import let loop package namespace return var void ' +
    'while'
  ).split(' '),
);

const ESCAPES = new Map([
  ['__', '__underscores__'],
  ['.', '__dot__'],
  ['-', '__dash__'],
  ['/', '__slash__'],
]);

/** The name that a field has in CEL (`__dot__` for a dot); undefined for a field that no expression can reach. */
export function escapeCelName(name: string): string | undefined {
  if (name === '' || /^[0-9]/.test(name) || /[^A-Za-z0-9_./-]/.test(name)) return undefined;
  if (KEYWORDS.has(name)) return `__${name}__`;
  return name.replace(/__|[./-]/g, (part) => ESCAPES.get(part)!);
}

type Schema = Readonly<Record<string, unknown>>;

/**
 * The type of a structural schema: `self` of its rules. Undefined for a schema that leaves its values open, which no
 * expression can see. `root` adds the fields that every object has, and so does `x-kubernetes-embedded-resource`.
 * Sizes that the schema does not bound are bounded by the size of a request: k8s.io/apiserver/pkg/cel/common/schemas.go.
 */
export function celTypeOfSchema(schema: unknown, root = false): CelType | undefined {
  const type = typeOf(schema as Schema, root);
  return type && named(type, 'object');
}

function typeOf(schema: Schema, root: boolean): CelType | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return withMaxSize(
      cel.dyn,
      typeof schema['maxLength'] === 'number' ? atLeastZero(schema['maxLength']) * 4 : MAX_TEXT,
      1,
    );
  }
  switch (schema['type']) {
    case 'array':
      return listType(schema);
    case 'object':
      return mapType(schema) ?? objectType(root ? withMeta(schema) : schema);
    case 'string':
      return textType(schema);
    case 'boolean':
      return { ...cel.bool, maxSize: 0, minJson: MIN_BOOL };
    case 'number':
      return { ...cel.double, maxSize: 0, minJson: MIN_NUMBER };
    case 'integer':
      return { ...cel.int, maxSize: 0, minJson: MIN_NUMBER };
  }
  // The fields of an embedded object are known even if the schema names none.
  return undefined;
}

function below(schema: Schema): CelType | undefined {
  return typeOf(schema, schema['x-kubernetes-embedded-resource'] === true);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bound(schema: Schema, key: string, otherwise: number): number {
  // own-lookup: the keys are our own
  const value = schema[key];
  return typeof value === 'number' ? atLeastZero(value) : otherwise;
}

function atLeastZero(value: number): number {
  return Math.max(0, value);
}

function listType(schema: Schema): CelType | undefined {
  const item = isSchema(schema['items']) ? below(schema['items']) : undefined;
  if (item === undefined) return undefined;
  const fitting = Math.trunc((MAX_REQUEST - 2) / (item.minJson! + 1));
  return withMaxSize(cel.list(item), bound(schema, 'maxItems', fitting), MIN_OBJECT);
}

function mapType(schema: Schema): CelType | undefined {
  const values = schema['additionalProperties'];
  if (!isSchema(values)) return undefined;
  const value = below(values);
  if (value === undefined) return NO_TYPE;
  const fitting = Math.trunc((MAX_REQUEST - 2) / (value.minJson! + 6));
  const key = withMaxSize(cel.string, 0, MIN_TEXT);
  return withMaxSize(cel.map(key, value), bound(schema, 'maxProperties', fitting), MIN_OBJECT);
}

/** Of a map whose values are open: it has no type either. */
const NO_TYPE = undefined;

function objectType(schema: Schema): CelType | undefined {
  if (isSchema(schema['additionalProperties'])) return undefined;
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const required = new Set(Array.isArray(schema['required']) ? (schema['required'] as string[]) : []);
  const fields = new Map<string, CelField>();
  let minJson = MIN_OBJECT;
  for (const name of Object.keys(properties)) {
    const property = ownValue(properties, name);
    const type = isSchema(property) ? below(property) : undefined;
    if (type === undefined) continue;
    const escaped = escapeCelName(name);
    if (escaped !== undefined) {
      fields.set(escaped, { type, optional: !required.has(name), json: escaped === name ? undefined : name });
    }
    const isDefaulted = isSchema(property) && property['default'] !== undefined;
    if (required.has(name) && !isDefaulted) minJson += Buffer.byteLength(name) + type.minJson! + FIELD_OVERHEAD;
  }
  return { kind: 'struct', name: 'object', params: [], fields, maxSize: 0, minJson };
}

function withMeta(schema: Schema): Schema {
  const text = { type: 'string' };
  const metadata = { type: 'object', properties: { name: text, generateName: text } };
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  return { ...schema, properties: { ...properties, kind: text, apiVersion: text, metadata } };
}

function textType(schema: Schema): CelType {
  const maxLength = schema['maxLength'];
  switch (schema['format']) {
    case 'byte':
      return withMaxSize(cel.bytes, bound(schema, 'maxLength', MAX_TEXT), MIN_TEXT);
    case 'duration':
      return withMaxSize(cel.duration, MAX_TIME, MIN_DURATION);
    case 'date':
      return withMaxSize(cel.timestamp, MAX_DATE, MAX_DATE);
    case 'date-time':
      return withMaxSize(cel.timestamp, MAX_TIME, MIN_DATE_TIME);
  }
  // A character takes up to four bytes.
  if (typeof maxLength === 'number') return withMaxSize(cel.string, atLeastZero(maxLength) * 4, MIN_TEXT);
  return withMaxSize(cel.string, longestOf(schema['enum']) ?? MAX_TEXT, MIN_TEXT);
}

function longestOf(values: unknown): number | undefined {
  if (!Array.isArray(values) || values.length === 0) return undefined;
  return Math.max(0, ...values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)));
}

/** Objects get the names of their places, so that two of them are two types. */
function named(type: CelType, name: string): CelType {
  switch (type.kind) {
    case 'struct': {
      const fields = new Map<string, CelField>();
      for (const [key, field] of type.fields!) fields.set(key, { ...field, type: named(field.type, `${name}.${key}`) });
      return { ...type, name, fields };
    }
    case 'list':
      return { ...type, params: [named(type.params[0]!, `${name}.@idx`)] };
    case 'map':
      return { ...type, params: [type.params[0]!, named(type.params[1]!, `${name}.@elem`)] };
    default:
      return type;
  }
}
