import type { KindValidator } from '../../../contract/kind-module.js';
import type { PodTemplate } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkPodTemplate, withLeniency } from '../pod/pod-template.validation.js';

function check(object: PodTemplate, old: PodTemplate | undefined): FieldCursor['errors'] {
  return withLeniency(old?.template, (lenient) => {
    const at = new FieldCursor();
    checkPodTemplate(at, 'template', object.template ?? {}, lenient);
    return at;
  }).errors;
}

export const podTemplateValidator: KindValidator = {
  rules: [],
  validateCreate: (object: PodTemplate) => check(object, undefined),
  validateUpdate: (object: PodTemplate, old: PodTemplate) => check(object, old),
};
