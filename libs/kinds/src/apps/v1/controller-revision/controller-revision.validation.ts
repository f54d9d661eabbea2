import { isJsonObject } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { ControllerRevision } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

export const controllerRevisionValidator: KindValidator = {
  rules: ['data is required, a JSON object', 'revision is not negative', 'immutable: data'],
  validateCreate({ revision, data }: ControllerRevision) {
    const at = new FieldCursor();
    at.notNegative('revision', revision);
    if (data === undefined || data === null) at.required('data', 'data is mandatory');
    else if (!isJsonObject(data)) at.required('data', 'data must be a valid JSON object');
    return at.all();
  },
  validateUpdate({ revision, data }: ControllerRevision, { data: old }: ControllerRevision) {
    const at = new FieldCursor();
    at.notNegative('revision', revision);
    at.immutable('data', data, old);
    return at.all();
  },
};
