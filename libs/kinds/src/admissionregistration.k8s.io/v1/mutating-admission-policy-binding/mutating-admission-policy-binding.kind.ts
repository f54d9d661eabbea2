import type { KindModule } from '../../../contract/kind-module.js';
import { policyBindingCells } from '../admissionregistration.columns.js';
import { mutatingAdmissionPolicyBindingValidator } from './mutating-admission-policy-binding.validation.js';

export const mutatingAdmissionPolicyBindingKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  validator: mutatingAdmissionPolicyBindingValidator,
  cells: policyBindingCells,
};
