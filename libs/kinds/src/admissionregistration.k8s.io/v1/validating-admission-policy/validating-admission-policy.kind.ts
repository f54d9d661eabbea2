import type { KindModule } from '../../../contract/kind-module.js';
import { policyCells } from '../admissionregistration.columns.js';
import { validatingAdmissionPolicyValidator } from './validating-admission-policy.validation.js';

export const validatingAdmissionPolicyKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  validator: validatingAdmissionPolicyValidator,
  cells: policyCells('validations'),
  statusEndpointWrites: 'status',
};
