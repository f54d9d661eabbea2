import { type FieldError, FieldPath, field, type KubeObject, ownValue } from '#apimachinery';
import type { KindValidator } from '../contract/kind-module.js';
import type { Field, StructType, TypeRef } from '../schema/type-graph.js';

/** `path` is undefined at the object itself. */
type Check = (value: any, path: FieldPath | undefined, errors: FieldError[]) => void;

/** Checked elsewhere, or the server's own. */
const notOfSchema = ['apiVersion', 'kind', 'metadata', 'status'];

/** Validation of a kind that is defined by a schema: its required fields and allowed values. */
export function schemaValidator(type: StructType): KindValidator {
  const check = ofFields(
    type,
    [...type.fields.values()].filter(({ name }) => !notOfSchema.includes(name)),
  );
  const errorsOf = (object: KubeObject): FieldError[] => {
    const errors: FieldError[] = [];
    check(object, undefined, errors);
    return errors;
  };
  return {
    rules: [],
    validateCreate: errorsOf,
    // The status endpoint changes nothing that is checked here.
    validateUpdate: (object, _old, { subresource }) => (subresource === 'status' ? [] : errorsOf(object)),
  };
}

function ofFields(type: StructType, fields: Iterable<Field>): Check {
  const checks: { name: string; isRequired: boolean; check: Check | undefined }[] = [];
  for (const { name, ref, facts } of fields) {
    const isRequired = type.required.has(name);
    const check = ofRef(ref, facts.enum);
    if (check !== undefined || isRequired) checks.push({ name, isRequired, check });
  }
  return (value, parent, errors) => {
    for (const { name, isRequired, check } of checks) {
      const item = ownValue(value, name);
      const path = parent === undefined ? FieldPath.of(name) : parent.child(name);
      if (item !== undefined && item !== null) check?.(item, path, errors);
      else if (isRequired) errors.push(field.required(path));
    }
  };
}

/** `values` are those allowed: of a text, or of the texts in a list. Undefined when there is nothing to check. */
function ofRef(ref: TypeRef, values: readonly string[] | undefined): Check | undefined {
  switch (ref.kind) {
    case 'scalar':
      return values === undefined ? undefined : ofText(values);
    case 'struct':
      return ofFields(ref.type, ref.type.fields.values());
    case 'list': {
      const check = ofRef(ref.item, values);
      if (check === undefined) return undefined;
      return (list, path, errors) => {
        for (let i = 0; i < list.length; i++) check(list[i], path!.index(i), errors);
      };
    }
    case 'map': {
      const check = ofRef(ref.value, undefined);
      if (check === undefined) return undefined;
      return (map, path, errors) => {
        for (const key in map) check(map[key], path!.key(key), errors);
      };
    }
    case 'opaque':
      return undefined;
  }
}

function ofText(values: readonly string[]): Check {
  return (value, path, errors) => {
    if (typeof value === 'string' && !values.includes(value)) errors.push(field.notSupported(path!, value, values));
  };
}
