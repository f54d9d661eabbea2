import { ownValue } from '#apimachinery';
import type { JSONSchemaProps, ValidationRule } from '../../../generated/types.js';
import { fieldPathIn } from '../../../schema/structural/field-path.js';
import { Structural } from '../../../schema/structural/structural.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';

/** Kubernetes' own words in schemas: how lists and maps are merged, and rules over values. */

const LIST_TYPE = 'x-kubernetes-list-type';
const LIST_KEYS = 'x-kubernetes-list-map-keys';
const MAP_TYPE = 'x-kubernetes-map-type';
const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

export function checkMapType(at: FieldCursor, schema: JSONSchemaProps): void {
  const mapType = schema[MAP_TYPE];
  if (mapType === undefined) return;
  checkTypeFor(at, schema, 'object', MAP_TYPE);
  at.optionalChoice(MAP_TYPE, mapType, ['atomic', 'granular']);
}

function checkTypeFor(at: FieldCursor, { type }: JSONSchemaProps, wanted: string, word: string): boolean {
  if (type === wanted) return true;
  const text = `must be ${wanted} if ${word} is specified`;
  if (type) at.invalid('type', type, text);
  else at.required('type', text);
  return false;
}

export function checkListType(at: FieldCursor, schema: JSONSchemaProps): void {
  const listType = schema[LIST_TYPE];
  const keys = schema[LIST_KEYS] ?? [];
  const items = Array.isArray(schema.items) ? undefined : (schema.items as JSONSchemaProps | undefined);
  if (listType !== undefined) {
    if (checkTypeFor(at, schema, 'array', LIST_TYPE) && listType === 'set' && items) checkSetItem(at, items);
    at.optionalChoice(LIST_TYPE, listType, ['atomic', 'set', 'map']);
  }
  if (keys.length > 0 && listType !== 'map') {
    const text = `must be map if ${LIST_KEYS} is non-empty`;
    if (listType === undefined) at.required(LIST_TYPE, text);
    else at.invalid(LIST_TYPE, listType, text);
  }
  if (listType === 'map') checkMapList(at, schema, keys, items);
  if (items !== undefined && (listType === 'map' || listType === 'set')) {
    if (items.nullable) at.forbidden('items.nullable', `cannot be nullable when ${LIST_TYPE} is ${listType}`);
    if (listType === 'map') checkKeyProperties(at, keys, items);
  }
}

/** Items of a set are compared whole. */
function checkSetItem(at: FieldCursor, items: JSONSchemaProps): void {
  const text = `must be atomic as item of a list with ${LIST_TYPE}=set`;
  const itemList = items[LIST_TYPE];
  if (items.type === 'array' && itemList !== undefined && itemList !== 'atomic') {
    at.invalid(`items.${LIST_TYPE}`, itemList, text);
  }
  // Upstream shows the type of a list here too.
  if (items.type === 'object' && items[MAP_TYPE] !== 'atomic') at.invalid(`items.${MAP_TYPE}`, itemList, text);
}

function checkMapList(
  at: FieldCursor,
  schema: JSONSchemaProps,
  keys: readonly string[],
  items: JSONSchemaProps | undefined,
): void {
  if (keys.length === 0) at.required(LIST_KEYS, `must not be empty if ${LIST_TYPE} is map`);
  if (schema.items === undefined) at.required('items', `must have a schema if ${LIST_TYPE} is map`);
  else if (items === undefined) {
    at.invalid('items', schema.items, `must only have a single schema if ${LIST_TYPE} is map`);
  }
  if (items === undefined) return;
  if (items.type !== 'object') {
    at.invalid('items.type', items.type ?? '', `must be object if parent array's ${LIST_TYPE} is map`);
    return;
  }
  const seen = new Set<string>();
  for (const key of keys) {
    const property = ownValue(items.properties, key);
    if (property === undefined) at.invalid(LIST_KEYS, keys, 'entries must all be names of item properties');
    else if (property.type === 'array' || property.type === 'object') {
      const text = `must be a scalar type if parent array's ${LIST_TYPE} is map`;
      at.invalid(`items.properties[${key}].type`, items.type, text);
    }
    if (seen.has(key)) at.invalid(LIST_KEYS, keys, 'must not contain duplicate entries');
    seen.add(key);
  }
}

function checkKeyProperties(at: FieldCursor, keys: readonly string[], items: JSONSchemaProps): void {
  const required = new Set(items.required);
  for (const key of keys) {
    const property = ownValue(items.properties, key);
    if (property === undefined) continue;
    const hasDefault = property.default !== undefined && property.default !== null;
    if (!required.has(key) && !hasDefault) {
      const text = `this property is in ${LIST_KEYS}, so it must have a default or be a required property`;
      at.required(`items.properties[${key}].default`, text);
    }
    if (property.nullable) {
      at.forbidden(`items.properties[${key}].nullable`, `this property is in ${LIST_KEYS}, so it cannot be nullable`);
    }
  }
}

export function checkRules(at: FieldCursor, schema: JSONSchemaProps): void {
  at.each('x-kubernetes-validations', schema['x-kubernetes-validations'], (rule) => checkRule(at, rule, schema));
}

function hasLineBreak(text: string): boolean {
  return /[\n\r]/.test(text);
}

function checkRule(at: FieldCursor, given: ValidationRule, schema: JSONSchemaProps): void {
  const { rule = '', message = '', messageExpression = '', reason, fieldPath = '' } = given;
  const blank = 'must be non-empty if specified';
  const oneLine = 'must not contain line breaks';
  if (rule.trim() === '') at.required('rule', 'rule is not specified');
  else if (message !== '' && message.trim() === '') at.invalid('message', message, blank);
  else if (hasLineBreak(message.trim())) at.invalid('message', message, oneLine);
  else if (hasLineBreak(rule.trim()) && message.trim() === '') {
    at.required('message', 'message must be specified if rule contains line breaks');
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    at.required('messageExpression', 'messageExpression must be non-empty if specified');
  }
  at.optionalChoice('reason', reason, reasons);
  if (fieldPath !== '' && fieldPath.trim() === '') at.invalid('fieldPath', fieldPath, blank);
  if (hasLineBreak(fieldPath)) at.invalid('fieldPath', fieldPath, oneLine);
  if (fieldPath !== '' && typeof fieldPathIn(Structural.part(schema), fieldPath) === 'string') {
    at.invalid('fieldPath', fieldPath, 'must be a valid path');
  }
}
