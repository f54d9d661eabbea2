import { appendAll, type FieldError, FieldPath, type KubeObject } from '#apimachinery';
import type { WriteContext } from '../contract/definition.js';
import type { KindValidator } from '../contract/kind-module.js';
import { Correlation } from '../schema/structural/correlation.js';
import { checkEmbedded } from '../schema/structural/embedded-metadata.js';
import { checkListTypes } from '../schema/structural/list-types.js';
import { SchemaFindings } from '../schema/structural/schema-findings.js';
import type { RuleOptions, SchemaRules } from '../schema/structural/schema-rules.js';
import type { Structural } from '../schema/structural/structural.js';
import { ValueSchema } from '../schema/structural/value-schema.js';
import { FieldCursor } from '../validation/field-cursor.js';

/** Errors that make the answers of rules worthless: apiextensions-apiserver's hasBlockingErr. */
const blocking: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED: FieldError = {
  field: '<nil>',
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/**
 * Validation of a kind that is defined by a schema. What an update leaves as it was keeps the errors that it has: a schema
 * may have become stricter since. `rules` are made on first use.
 */
export function schemaValidator(root: Structural, rules: () => SchemaRules | undefined): KindValidator {
  const checkRules = (errors: FieldError[], object: KubeObject, old: KubeObject | undefined, options: RuleOptions) => {
    const own = rules();
    if (own === undefined) return errors;
    if (errors.some(({ reason }) => blocking.has(reason))) return [...errors, NOT_CHECKED];
    return [...errors, ...own.validate(object, old, options)];
  };
  return {
    rules: [],
    validateCreate(object: KubeObject) {
      const errors = [...valueErrors(root, object), ...embeddedErrors(root, object), ...listErrors(root, object)];
      return checkRules(errors, object, undefined, {});
    },
    validateUpdate(object: KubeObject, old: KubeObject, context: WriteContext) {
      const correlation = new Correlation(object, old, root, true);
      const errors =
        context.subresource === 'status'
          ? statusErrors(root, object, old)
          : [...valueErrors(root, object, correlation), ...embeddedErrors(root, object)];
      if (listErrors(root, old).length === 0) appendAll(errors, listErrors(root, object));
      return checkRules(errors, object, old, { correlation, warn: (text) => context.warn(text) });
    },
  };
}

function valueErrors(root: Structural, object: KubeObject, correlation?: Correlation): FieldError[] {
  const at = new FieldCursor();
  const found = new SchemaFindings(at, undefined);
  ValueSchema.of(root.schema).check(at, object, found, correlation);
  return found.errors;
}

/** The status endpoint writes the status alone; sentences about it begin their paths there. */
function statusErrors(root: Structural, object: KubeObject, old: KubeObject): FieldError[] {
  const place = root.properties.get('status');
  const { status } = object;
  if (place === undefined || status === undefined) return [];
  const at = new FieldCursor();
  const found = new SchemaFindings(at, FieldPath.of('status'));
  const correlation = old['status'] === undefined ? undefined : new Correlation(status, old['status'], place, true);
  ValueSchema.of(place.schema).check(at, status, found, correlation);
  return found.errors;
}

function embeddedErrors(root: Structural, object: KubeObject): readonly FieldError[] {
  const at = new FieldCursor();
  checkEmbedded(at, object, root);
  return at.errors;
}

function listErrors(root: Structural, object: KubeObject): readonly FieldError[] {
  const at = new FieldCursor();
  checkListTypes(at, object, root);
  return at.errors;
}
