import { semanticEqual, validateLabels } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { ResourceClaimTemplate } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkDeviceClaim, deviceClaimRules, judgeDeviceClaim } from '../device-claim.validation.js';

export const resourceClaimTemplateValidator: KindValidator = {
  rules: [...deviceClaimRules, 'labels of the claims are well-formed', 'immutable: spec'],
  *ahead({ spec }: ResourceClaimTemplate, old: ResourceClaimTemplate | undefined) {
    if (old === undefined) yield* judgeDeviceClaim(spec.spec?.devices ?? {});
  },
  validateCreate({ spec }: ResourceClaimTemplate) {
    const at = new FieldCursor('spec');
    at.add(validateLabels(spec.metadata?.labels, at.path('metadata.labels')));
    at.within('spec', () => at.within('devices', () => checkDeviceClaim(at, spec.spec?.devices ?? {})));
    return at.all();
  },
  validateUpdate({ spec }: ResourceClaimTemplate, { spec: old }: ResourceClaimTemplate) {
    const at = new FieldCursor();
    if (!semanticEqual(spec, old)) at.invalid('spec', spec, 'field is immutable');
    return at.all();
  },
};
