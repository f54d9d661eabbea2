import { type FieldError, fieldErrorText, ownValue, semanticEqual } from '#apimachinery';
import { compilePattern } from '#cel';
import type { JSONSchemaProps } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';

/**
 * Structural schemas: every part has a type at its own place, so that objects can be pruned and defaulted by it; what
 * stands below `not`, `allOf`, `anyOf` and `oneOf` adds conditions on values and nothing else.
 */

type Level = 'root' | 'item' | 'field';

const noType = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
} as const;
/** The one use of types below anyOf: what x-kubernetes-int-or-string stands for. */
const intOrString = [{ type: 'integer' }, { type: 'string' }];
const PRESERVE = 'x-kubernetes-preserve-unknown-fields';
const EMBEDDED = 'x-kubernetes-embedded-resource';
const INT_OR_STRING = 'x-kubernetes-int-or-string';

/** In the order of their texts. */
export function structuralErrors(at: FieldCursor, schema: JSONSchemaProps): FieldError[] {
  checkStructure(at, schema, 'root');
  checkCompleteness(at, schema, schema, at.path().toString());
  return at.all().sort((a, b) => (fieldErrorText(a) < fieldErrorText(b) ? -1 : 1));
}

function checkStructure(at: FieldCursor, schema: JSONSchemaProps, level: Level): void {
  const { type, items, properties, additionalProperties } = schema;
  if (type === 'array' && items === undefined) at.required('items', 'must be specified');
  if (isSchema(items)) at.within('items', () => checkStructure(at, items, 'item'));
  eachProperty(at, properties, (property) => checkStructure(at, property, 'field'));
  if (additionalProperties !== undefined) {
    if (level === 'root') at.forbidden('additionalProperties', 'must not be used at the root');
    if (isSchema(additionalProperties)) {
      at.within('additionalProperties', () => checkStructure(at, additionalProperties, 'field'));
    }
  }
  checkExtensions(at, schema);
  checkValues(at, schema, semanticEqual(schema.anyOf, intOrString), isIntOrStringAllOf(schema));
  checkType(at, schema, level);
  checkMetadata(at, schema, level);
}

function isSchema(value: unknown): value is JSONSchemaProps {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIntOrStringAllOf({ allOf }: JSONSchemaProps): boolean {
  return semanticEqual(allOf?.[0]?.anyOf, intOrString);
}

function eachProperty(
  at: FieldCursor,
  properties: Record<string, JSONSchemaProps> | undefined,
  check: (property: JSONSchemaProps) => void,
): void {
  at.within('properties', () => {
    for (const [name, property] of Object.entries(properties ?? {})) {
      at.enterKey(name);
      check(property);
      at.leave();
    }
  });
}

function checkExtensions(at: FieldCursor, schema: JSONSchemaProps): void {
  if (!schema[INT_OR_STRING]) return;
  for (const other of [PRESERVE, EMBEDDED] as const) {
    if (schema[other]) at.invalid(other, true, `must be false if ${INT_OR_STRING} is true`);
  }
}

function checkType(at: FieldCursor, schema: JSONSchemaProps, level: Level): void {
  const type = schema.type ?? '';
  const isEmbedded = schema[EMBEDDED] === true;
  if (isEmbedded && type !== 'object') {
    const text = `must be object if ${EMBEDDED} is true`;
    if (type === '') at.required('type', text);
    else at.invalid('type', type, text);
  } else if (type === '' && !schema[INT_OR_STRING] && !schema[PRESERVE]) at.required('type', noType[level]);
  if (isEmbedded && schema.additionalProperties !== undefined) {
    at.forbidden('additionalProperties', `must not be used if ${EMBEDDED} is set`);
  }
  if (level === 'root' && type !== '' && type !== 'object') at.invalid('type', type, 'must be object at the root');
  if (isEmbedded && !schema[PRESERVE] && Object.keys(schema.properties ?? {}).length === 0) {
    at.required('properties', `must not be empty if ${EMBEDDED} is true without ${PRESERVE}`);
  }
}

/** Roots and embedded objects have a kind, an apiVersion and metadata whatever their schema says. */
function checkMetadata(at: FieldCursor, schema: JSONSchemaProps, level: Level): void {
  const isObject = level === 'root' || schema[EMBEDDED] === true;
  if (isObject) {
    for (const name of ['kind', 'apiVersion']) {
      const property = ownValue(schema.properties, name);
      if (property !== undefined && property.type !== 'string') {
        at.invalid(`properties[${name}].type`, property.type ?? '', 'must be string');
      }
    }
  }
  const metadata = ownValue(schema.properties, 'metadata');
  if (metadata === undefined) return;
  if (isObject && metadata.type !== 'object') {
    at.invalid('properties[metadata].type', metadata.type ?? '', 'must be object');
  }
  if (level !== 'root') return;
  const { type: _, properties, ...rest } = metadata;
  const others = Object.keys(properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  if (others.length > 0 || !semanticEqual(rest, {})) {
    const text = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    at.forbidden('properties[metadata]', text);
  }
}

function checkValues(at: FieldCursor, schema: JSONSchemaProps, skipAnyOf: boolean, skipFirstAllOf: boolean): void {
  if (!skipAnyOf) at.each('anyOf', schema.anyOf, (part) => checkNested(at, part, false));
  at.each('allOf', schema.allOf, (part, i) => checkNested(at, part, skipFirstAllOf && i === 0));
  at.each('oneOf', schema.oneOf, (part) => checkNested(at, part, false));
  const { not, pattern } = schema;
  if (not !== undefined) at.within('not', () => checkNested(at, not, false));
  if (pattern) {
    const problem = compilePattern(pattern);
    if (typeof problem === 'string') {
      at.invalid('pattern', pattern, `must be a valid regular expression, but isn't: ${problem}`);
    }
  }
}

function checkNested(at: FieldCursor, schema: JSONSchemaProps, skipAnyOf: boolean): void {
  checkValues(at, schema, skipAnyOf, false);
  if (isSchema(schema.items)) at.within('items', () => checkNested(at, schema.items, false));
  eachProperty(at, schema.properties, (property) => checkNested(at, property, false));
  const empty = 'must be empty to be structural';
  const undefinedText = 'must be undefined to be structural';
  const falseText = 'must be false to be structural';
  if (schema.type) at.forbidden('type', empty);
  if (schema.additionalProperties !== undefined) at.forbidden('additionalProperties', undefinedText);
  if (schema.default !== undefined && schema.default !== null) at.forbidden('default', undefinedText);
  if (schema.title) at.forbidden('title', empty);
  if (schema.description) at.forbidden('description', empty);
  for (const name of ['nullable', PRESERVE, EMBEDDED, INT_OR_STRING] as const) {
    if (schema[name]) at.forbidden(name, falseText);
  }
  if ((schema['x-kubernetes-list-map-keys'] ?? []).length > 0) at.forbidden('x-kubernetes-list-map-keys', empty);
  for (const name of ['x-kubernetes-list-type', 'x-kubernetes-map-type'] as const) {
    if (schema[name] !== undefined) at.forbidden(name, undefinedText);
  }
  if ((schema['x-kubernetes-validations'] ?? []).length > 0) at.forbidden('x-kubernetes-validations', empty);
  if (ownValue(schema.properties, 'metadata') !== undefined) {
    at.forbidden('properties[metadata]', 'must not be specified in a nested context');
  }
}

/** Whatever has conditions has a structure: with the cursor at the structure, `from` is the path of the conditions. */
function checkCompleteness(at: FieldCursor, values: JSONSchemaProps, structure: JSONSchemaProps, from: string): void {
  const groups = { allOf: values.allOf, anyOf: values.anyOf, oneOf: values.oneOf };
  if (values.not !== undefined) checkNestedCompleteness(at, values.not, structure, `${from}.not`);
  for (const [name, parts] of Object.entries(groups)) {
    for (const [i, part] of (parts ?? []).entries()) {
      checkNestedCompleteness(at, part, structure, `${from}.${name}[${i}]`);
    }
  }
}

function checkNestedCompleteness(at: FieldCursor, values: JSONSchemaProps, structure: JSONSchemaProps, from: string) {
  checkCompleteness(at, values, structure, from);
  const below = (name: string, key: string, part: JSONSchemaProps | undefined, value: JSONSchemaProps): void => {
    const path = key === '' ? name : `${name}[${key}]`;
    if (part === undefined) at.required(path, `because it is defined in ${from}.${path}`);
    else at.within(path, () => checkNestedCompleteness(at, value, part, `${from}.${path}`));
  };
  if (isSchema(values.items)) {
    below('items', '', isSchema(structure.items) ? structure.items : undefined, values.items);
  }
  for (const [name, value] of Object.entries(values.properties ?? {})) {
    below('properties', name, ownValue(structure.properties, name), value);
  }
}
