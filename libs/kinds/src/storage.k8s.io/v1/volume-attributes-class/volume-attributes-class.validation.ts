import { semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { VolumeAttributesClass } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkParameters, checkProvisioner } from '../storage-class/parameters.validation.js';

export const volumeAttributesClassValidator: KindValidator = {
  rules: [
    'driverName is required and a qualified name',
    'parameters: 1 to 512 entries, at most 262144 bytes, no empty key',
    'immutable: driverName, parameters',
  ],
  validateCreate(item: VolumeAttributesClass) {
    const at = new FieldCursor();
    check(at, item);
    return at.all();
  },
  validateUpdate(item: VolumeAttributesClass, old: VolumeAttributesClass) {
    const at = new FieldCursor();
    if (item.driverName !== old.driverName) at.forbidden('driverName', 'updates to driverName are forbidden.');
    if (!semanticEqual(item.parameters, old.parameters)) {
      at.forbidden('parameters', 'updates to parameters are forbidden.');
    }
    check(at, item);
    return at.all();
  },
};

function check(at: FieldCursor, { driverName, parameters }: VolumeAttributesClass): void {
  if (!driverName) at.required('driverName');
  checkProvisioner(at, 'driverName', driverName ?? '');
  if (checkParameters(at, parameters) && Object.keys(parameters ?? {}).length === 0) {
    at.required('parameters', 'must contain at least one key/value pair');
  }
}
