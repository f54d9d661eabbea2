import type { KindModule } from '../../../contract/kind-module.js';
import { policyCells } from '../admissionregistration.columns.js';

export const validatingAdmissionPolicyKind: KindModule = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  cells: policyCells('validations'),
  statusEndpointWrites: 'status',
};
