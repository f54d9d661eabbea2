import { isDNS1123Subdomain } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { ValidatingAdmissionPolicyBinding } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkMatchResources } from '../match-rules.validation.js';
import { checkParamRef } from '../policy.validation.js';
import { checkReservedName, reservedNameRule } from '../reserved-name.validation.js';

const actions = ['Audit', 'Deny', 'Warn'];
const denyAndWarn =
  'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';

export const validatingAdmissionPolicyBindingValidator: KindValidator = {
  rules: [
    reservedNameRule,
    'policyName is required and a name',
    { rule: 'the writer may read the parameters', enforcedBy: 'admission parameter check' },
    'paramRef: exactly one of name and selector; parameterNotFoundAction is one of Deny, Allow',
    'matchResources are well-formed',
    'validationActions: at least one, unique, of Audit, Deny, Warn, not Deny with Warn',
  ],
  validateCreate(binding: ValidatingAdmissionPolicyBinding) {
    const at = new FieldCursor();
    checkReservedName(at, binding.metadata);
    return [...check(binding), ...at.all()];
  },
  validateUpdate: check,
};

function check({ spec }: ValidatingAdmissionPolicyBinding) {
  const at = new FieldCursor('spec');
  const { policyName, paramRef, matchResources, validationActions } = spec;
  if (policyName) at.format('policyName', policyName, isDNS1123Subdomain);
  else at.declared(() => at.required('policyName'));
  checkParamRef(at, paramRef);
  checkMatchResources(at, 'matchResources', matchResources);
  checkActions(at, validationActions ?? []);
  return at.all();
}

function checkActions(at: FieldCursor, given: readonly string[]): void {
  const seen = new Set<string>();
  at.each('validationActions', given, (action) => {
    at.optionalChoice('', action, actions);
    if (seen.has(action)) at.duplicate('', action);
    seen.add(action);
  });
  if (seen.has('Deny') && seen.has('Warn')) at.invalid('validationActions', given, denyAndWarn);
  if (seen.size === 0) at.declared(() => at.required('validationActions'));
}
