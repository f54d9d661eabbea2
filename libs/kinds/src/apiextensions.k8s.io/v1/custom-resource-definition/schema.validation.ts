import type { JSONSchemaProps } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkDefaults } from './schema-defaults.validation.js';
import { checkListType, checkMapType, checkRules } from './schema-extensions.validation.js';
import { checkRuleExpressions, type StoredRules } from './schema-rules.validation.js';
import { structuralErrors } from './structural-schema.validation.js';

/** Schemas of custom resources: what of OpenAPI they may use. */

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const metaFields = ['metadata', 'kind', 'apiVersion'];
/** What a root may have beside a status subresource, under the names that the reference prints. */
const rootFields = [
  'Description',
  'Type',
  'Format',
  'Title',
  'Maximum',
  'ExclusiveMaximum',
  'Minimum',
  'ExclusiveMinimum',
  'MaxLength',
  'MinLength',
  'Pattern',
  'MaxItems',
  'MinItems',
  'UniqueItems',
  'MultipleOf',
  'Required',
  'Items',
  'Properties',
  'ExternalDocs',
  'Example',
  'XPreserveUnknownFields',
  'XValidations',
];

/** What holds at a place because of where it is. */
interface Place {
  isRoot: boolean;
  insideMeta: boolean;
  /** Why a default is forbidden here. */
  noDefault?: string;
}

/** With the cursor at what holds the schema. */
export function checkRootSchema(
  at: FieldCursor,
  schema: JSONSchemaProps,
  hasStatus: boolean,
  stored: StoredRules,
): void {
  const path = 'openAPIV3Schema';
  if (hasStatus) checkRootFields(at, schema);
  if (schema.nullable) at.forbidden(`${path}.nullable`, 'nullable cannot be true at the root');
  const own = new FieldCursor(at.path(path).toString());
  const structural = structuralErrors(own, schema);
  at.add(structural);
  const before = at.errors.length;
  at.within(path, () => {
    // Neither defaults nor rules can be judged by a schema that has no structure.
    if (structural.length === 0) checkDefaults(at, schema);
    const areGood = structural.length === 0 && at.errors.length === before;
    checkSchema(at, schema, { isRoot: true, insideMeta: false });
    if (areGood && at.errors.length === before) checkRuleExpressions(at, schema, stored);
  });
}

function checkRootFields(at: FieldCursor, schema: JSONSchemaProps): void {
  for (const [name, value] of Object.entries(schema)) {
    if (value === undefined || value === null || value === false || value === '') continue;
    if (name === 'type' && value !== 'object') {
      const text =
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
      at.invalid('openAPIV3Schema.type', value, text);
      return;
    }
    if (!rootFields.includes(internalName(name))) {
      const text = `only [${rootFields.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`;
      at.invalid('openAPIV3Schema', schema, text);
      return;
    }
  }
}

/** `x-kubernetes-list-type` is `XListType`, `maxLength` is `MaxLength`. */
function internalName(name: string): string {
  return name
    .replace('x-kubernetes-', 'x-')
    .split('-')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('');
}

function checkSchema(at: FieldCursor, schema: JSONSchemaProps, place: Place): void {
  checkWords(at, schema, place);
  if (schema.uniqueItems) {
    at.forbidden('uniqueItems', 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  }
  checkAdditionalProperties(at, schema, place);
  checkProperties(at, schema, place);
  const below = { ...place, isRoot: false };
  if (schema.not !== undefined) at.within('not', () => checkSchema(at, schema.not!, below));
  at.each('allOf', schema.allOf, (part) => checkSchema(at, part, below));
  at.each('oneOf', schema.oneOf, (part) => checkSchema(at, part, below));
  at.each('anyOf', schema.anyOf, (part) => checkSchema(at, part, below));
  if (Array.isArray(schema.items)) {
    at.each('items', schema.items as JSONSchemaProps[], (part) => checkSchema(at, part, below));
  } else if (schema.items !== undefined) at.within('items', () => checkSchema(at, schema.items, below));
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    at.invalid('x-kubernetes-preserve-unknown-fields', false, 'must be true or undefined');
  }
  checkMapType(at, schema);
  checkListType(at, schema);
  checkRules(at, schema);
}

/** Words that schemas of custom resources do not have, and defaults where they cannot be. */
function checkWords(at: FieldCursor, schema: JSONSchemaProps, place: Place): void {
  const { type } = schema;
  if (type && !types.includes(type)) at.notSupported('type', type, types);
  if (schema.default !== undefined && schema.default !== null && place.noDefault !== undefined) {
    at.forbidden('default', `must not be set ${place.noDefault}`);
  }
  const isSet = (value: unknown): boolean =>
    typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : value !== undefined;
  const refuse = (name: string): void => at.forbidden(name, `${name} is not supported`);
  if (schema.id) refuse('id');
  if (schema.additionalItems !== undefined) refuse('additionalItems');
  if (isSet(schema.patternProperties)) refuse('patternProperties');
  if (isSet(schema.definitions)) refuse('definitions');
  if (schema.dependencies !== undefined) refuse('dependencies');
  if (schema.$ref !== undefined) refuse('$ref');
  if (type === 'null') at.forbidden('type', 'type cannot be set to null, use nullable as an alternative');
  if (Array.isArray(schema.items) && schema.items.length > 0) {
    at.forbidden('items', 'items must be a schema object and not an array');
  }
  if (place.insideMeta && schema['x-kubernetes-embedded-resource']) {
    at.forbidden('x-kubernetes-embedded-resource', 'must not be used inside of resource meta');
  }
}

function checkAdditionalProperties(at: FieldCursor, schema: JSONSchemaProps, place: Place): void {
  const more = schema.additionalProperties;
  if (more === undefined) return;
  const hasProperties = Object.keys(schema.properties ?? {}).length > 0;
  if (hasProperties && more !== true) {
    at.forbidden('additionalProperties', 'additionalProperties and properties are mutual exclusive');
  }
  if (typeof more !== 'object') return;
  const below = { ...place, isRoot: false };
  if (place.insideMeta) below.noDefault = 'inside additionalProperties applying to object metadata';
  at.within('additionalProperties', () => checkSchema(at, more, below));
}

function checkProperties(at: FieldCursor, schema: JSONSchemaProps, place: Place): void {
  const isObject = place.isRoot || schema['x-kubernetes-embedded-resource'] === true;
  at.within('properties', () => {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const isMeta = isObject && metaFields.includes(name);
      const below: Place = { ...place, isRoot: false, insideMeta: place.insideMeta || isMeta };
      if (isMeta && place.isRoot) below.noDefault = `in top-level ${name}`;
      at.enterKey(name);
      checkSchema(at, property, below);
      at.leave();
    }
  });
}
