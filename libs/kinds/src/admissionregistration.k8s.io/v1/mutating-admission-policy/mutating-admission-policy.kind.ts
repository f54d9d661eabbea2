import type { KindModule } from '../../../contract/kind-module.js';
import { policyCells } from '../admissionregistration.columns.js';
import { mutatingAdmissionPolicyValidator } from './mutating-admission-policy.validation.js';

export const mutatingAdmissionPolicyKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  validator: mutatingAdmissionPolicyValidator,
  cells: policyCells('mutations'),
};
