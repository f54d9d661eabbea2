import type { KindModule } from '../../../contract/kind-module.js';
import { policyBindingCells } from '../admissionregistration.columns.js';

export const validatingAdmissionPolicyBindingKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  cells: policyBindingCells,
};
