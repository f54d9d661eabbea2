import { appendAll, deepEqual, type FieldError, FieldPath, field, isConfigMapKey } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { ConfigMap } from '../../../generated/types.js';
import { formatErrors } from '../../../validation/fields.js';

const maxBytes = 1024 * 1024;
export const frozen = 'field is immutable when `immutable` is set';

export const configMapValidator: KindValidator = {
  rules: [
    'keys configMapKey; a key may not be in both maps',
    'total of data and binaryData at most 1048576 bytes (Too long)',
    'immutable: data, binaryData and immutable itself once immutable is true (Forbidden)',
  ],
  validateCreate: validate,
  validateUpdate(map: ConfigMap, old: ConfigMap) {
    const errors: FieldError[] = [];
    if (old.immutable === true) {
      if (map.immutable !== true) errors.push(field.forbidden('immutable', frozen));
      if (!deepEqual(map.data ?? {}, old.data ?? {})) errors.push(field.forbidden('data', frozen));
      if (!deepEqual(map.binaryData ?? {}, old.binaryData ?? {})) errors.push(field.forbidden('binaryData', frozen));
    }
    return [...errors, ...validate(map)];
  },
};

function validate({ data = {}, binaryData = {} }: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key in data) {
    const path = FieldPath.of('data').key(key);
    appendAll(errors, formatErrors(isConfigMapKey, key, path));
    if (Object.hasOwn(binaryData, key)) errors.push(field.invalid(path, key, 'duplicate of key present in binaryData'));
    bytes += Buffer.byteLength(data[key]!);
  }
  for (const key in binaryData) {
    appendAll(errors, formatErrors(isConfigMapKey, key, FieldPath.of('binaryData').key(key)));
    bytes += Buffer.byteLength(binaryData[key]!, 'base64');
  }
  if (bytes > maxBytes) errors.push(field.tooLong('', maxBytes));
  return errors;
}
