import { type FieldError, field } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { Lease } from '../../../generated/types.js';

export const leaseValidator: KindValidator = {
  rules: [
    'leaseDurationSeconds > 0; leaseTransitions >= 0',
    { rule: 'PUT of a missing one creates it', enforcedBy: 'registry' },
  ],
  validateCreate: validate,
  validateUpdate: validate,
};

function validate({ spec = {} }: Lease): FieldError[] {
  const errors: FieldError[] = [];
  const { leaseDurationSeconds: duration, leaseTransitions: transitions } = spec;
  if (duration !== undefined && duration <= 0) {
    errors.push(field.invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
  }
  if (transitions !== undefined && transitions < 0) {
    errors.push(field.invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'));
  }
  return errors;
}
