import { appendAll, deepCopy, deepEqual, type FieldError, FieldPath } from '#apimachinery';
import type { JSONSchemaProps } from '../../../generated/types.js';
import { checkEmbedded, coerceMetadata, MalformedMetadata } from '../../../schema/structural/embedded-metadata.js';
import { prune } from '../../../schema/structural/prune.js';
import { rulesOf } from '../../../schema/structural/rules-of.js';
import { SchemaFindings } from '../../../schema/structural/schema-findings.js';
import { Structural } from '../../../schema/structural/structural.js';
import { UnknownFields } from '../../../schema/structural/unknown-fields.js';
import { ValueSchema } from '../../../schema/structural/value-schema.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

/** Defaults are values of their schemas, without unknown fields: apiextensions-apiserver's schema/defaulting. With the cursor at the schema. */
export function checkDefaults(at: FieldCursor, schema: JSONSchemaProps): void {
  checkPlace(at, Structural.root(schema));
}

function checkPlace(at: FieldCursor, place: Structural): void {
  if (place.hasDefault) checkDefault(at, place);
  const { items } = place;
  if (items !== undefined) at.within('items', () => checkPlace(at, items));
  at.within('properties', () => {
    for (const [name, property] of place.properties) {
      at.enterKey(name);
      checkPlace(at, property);
      at.leave();
    }
  });
}

/** The first kind of problem is told. */
function checkDefault(at: FieldCursor, place: Structural): void {
  const value = place.schema.default;
  const path = at.path('default').toString();
  if (!place.insideMeta) {
    const pruned = deepCopy(value);
    prune(pruned, place, new UnknownFields());
    if (!deepEqual(pruned, value)) at.invalid('default', value, 'must not have unknown fields');
  }
  try {
    coerceMetadata(deepCopy(value), place, new UnknownFields(), new FieldCursor(path));
  } catch (error) {
    if (!(error instanceof MalformedMetadata)) throw error;
    at.add([error.problem]);
    return;
  }
  const below = new FieldCursor(path);
  checkEmbedded(below, value, place);
  const errors: FieldError[] = below.errors.length > 0 ? [...below.errors] : valueErrors(path, value, place);
  if (errors.length === 0) appendAll(errors, ruleErrors(path, value, place));
  at.add(errors);
}

function valueErrors(path: string, value: unknown, place: Structural): FieldError[] {
  const cursor = new FieldCursor();
  const found = new SchemaFindings(cursor, FieldPath.of(path));
  ValueSchema.of(place.schema).check(cursor, value, found);
  return found.errors;
}

/** A default is what an object is created with, and what it keeps. */
function ruleErrors(path: string, value: unknown, place: Structural): FieldError[] {
  const rules = rulesOf(place);
  if (rules === undefined) return [];
  const unchanged = rules.validate(value, value, {});
  const errors = unchanged.length > 0 ? unchanged : rules.validate(value, undefined, {});
  return errors.map((error) => ({
    field: error.field === '<nil>' ? path : `${path}${error.field.startsWith('[') ? '' : '.'}${error.field}`,
    reason: error.reason,
    get message() {
      return error.message;
    },
  }));
}
