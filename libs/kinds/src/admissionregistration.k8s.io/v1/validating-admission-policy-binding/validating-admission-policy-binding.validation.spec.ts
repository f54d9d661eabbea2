import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { bindingRows, matchConstraints } from '../testing/policy-rows.js';
import { validatingAdmissionPolicyBindingValidator } from './validating-admission-policy-binding.validation.js';

describeRules({
  path: 'admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
  validator: validatingAdmissionPolicyBindingValidator,
  valid: { spec: { policyName: 'p', validationActions: ['Deny', 'Audit'], matchResources: matchConstraints() } },
  rows: {
    ...bindingRows,
    'policyName is required and a name': [
      { create: ({ spec }) => (spec.policyName = ''), errors: ['spec.policyName: Required value'] },
      {
        create: ({ spec }) => (spec.policyName = 'A'),
        errors: [`spec.policyName: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'matchResources are well-formed': [
      {
        create: ({ spec }) => (spec.matchResources.resourceRules = [{}]),
        errors: ['operations', 'apiGroups', 'apiVersions', 'resources'].map(
          (name) => `spec.matchResources.resourceRules[0].${name}: Required value`,
        ),
      },
    ],
    'validationActions: at least one, unique, of Audit, Deny, Warn, not Deny with Warn': [
      { create: ({ spec }) => (spec.validationActions = []), errors: ['spec.validationActions: Required value'] },
      {
        create: ({ spec }) => (spec.validationActions = ['Deny', 'Warn', 'Warn', 'Log']),
        errors: [
          'spec.validationActions[2]: Duplicate value: "Warn"',
          'spec.validationActions[3]: Unsupported value: "Log": supported values: "Audit", "Deny", "Warn"',
          'spec.validationActions: Invalid value: ["Deny","Warn","Warn","Log"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
        ],
      },
    ],
  },
});
