import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { bindingRows, matchConstraints } from '../testing/policy-rows.js';
import { mutatingAdmissionPolicyBindingValidator } from './mutating-admission-policy-binding.validation.js';

describeRules({
  path: 'admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings',
  validator: mutatingAdmissionPolicyBindingValidator,
  valid: { spec: { policyName: 'p', matchResources: matchConstraints() } },
  rows: {
    ...bindingRows,
    'policyName is required and a name': [
      { create: ({ spec }) => (spec.policyName = ''), errors: ['spec.policyName: Required value'] },
      {
        create: ({ spec }) => (spec.policyName = 'A'),
        errors: [`spec.policyName: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'matchResources are well-formed, with operations *, CONNECT, CREATE, UPDATE': [
      {
        create: ({ spec }) => (spec.matchResources.resourceRules[0].operations = ['DELETE']),
        errors: [
          'spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
        ],
      },
    ],
  },
});
