import type { KindModule } from '../../../contract/kind-module.js';
import { policyBindingCells } from '../admissionregistration.columns.js';
import { validatingAdmissionPolicyBindingValidator } from './validating-admission-policy-binding.validation.js';

export const validatingAdmissionPolicyBindingKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  validator: validatingAdmissionPolicyBindingValidator,
  cells: policyBindingCells,
};
