import { isDNS1123Subdomain } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { MutatingAdmissionPolicyBinding } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkMatchResources, checkMutatingOperations } from '../match-rules.validation.js';
import { checkParamRef } from '../policy.validation.js';
import { checkReservedName, reservedNameRule } from '../reserved-name.validation.js';

export const mutatingAdmissionPolicyBindingValidator: KindValidator = {
  rules: [
    reservedNameRule,
    'policyName is required and a name',
    { rule: 'the writer may read the parameters', enforcedBy: 'admission parameter check' },
    'paramRef: exactly one of name and selector; parameterNotFoundAction is one of Deny, Allow',
    'matchResources are well-formed, with operations *, CONNECT, CREATE, UPDATE',
  ],
  validateCreate(binding: MutatingAdmissionPolicyBinding) {
    const at = new FieldCursor();
    checkReservedName(at, binding.metadata);
    return [...check(binding), ...at.all()];
  },
  validateUpdate: check,
};

function check({ spec }: MutatingAdmissionPolicyBinding) {
  const at = new FieldCursor('spec');
  const { policyName, paramRef, matchResources } = spec;
  if (policyName) at.format('policyName', policyName, isDNS1123Subdomain);
  else at.required('policyName');
  checkParamRef(at, paramRef);
  checkMatchResources(at, 'matchResources', matchResources);
  checkMutatingOperations(at, 'matchResources', matchResources);
  return at.all();
}
