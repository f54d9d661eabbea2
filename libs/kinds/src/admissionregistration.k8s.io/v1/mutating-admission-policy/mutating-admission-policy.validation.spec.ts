import { describeRules } from '../../../testing/rule-table.js';
import { matchConstraints, policyRows } from '../testing/policy-rows.js';
import { mutatingAdmissionPolicyValidator } from './mutating-admission-policy.validation.js';

describeRules({
  path: 'admissionregistration.k8s.io/v1/mutatingadmissionpolicies',
  validator: mutatingAdmissionPolicyValidator,
  valid: {
    spec: {
      matchConstraints: matchConstraints(),
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/a'}]" } }],
    },
  },
  rows: {
    ...policyRows,
    'operations are *, CONNECT, CREATE, UPDATE': [
      {
        create: ({ spec }) => (spec.matchConstraints.resourceRules[0].operations = ['DELETE']),
        errors: [
          'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
        ],
      },
    ],
    'expressions compile, and give the type that they are for': [
      {
        create: ({ spec }) =>
          (spec.mutations = [
            { patchType: 'JSONPatch', jsonPatch: { expression: '[]' } },
            { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Other{}' } },
            { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{spec: Object.spec{a: 1}}' } },
          ]),
        errors: [
          'spec.mutations[0].jsonPatch.expression: Invalid value: "[]": must evaluate to list(JSONPatch) but got list(dyn)',
          `spec.mutations[1].applyConfiguration.expression: Invalid value: "Other{}": compilation failed: ERROR: <input>:1:6: undeclared reference to 'Other' (in container '')\n | Other{}\n | .....^`,
        ],
      },
    ],
    'mutations: at least one, with a patchType of ApplyConfiguration, JSONPatch, its block, and no other block': [
      {
        create: ({ spec }) => (spec.mutations = []),
        errors: ['spec.mutations: Required value: mutations must contain at least one item'],
      },
      {
        create: ({ spec }) =>
          (spec.mutations = [
            {},
            { patchType: 'Merge' },
            { patchType: 'JSONPatch', applyConfiguration: { expression: '1' } },
            { patchType: 'ApplyConfiguration', applyConfiguration: { expression: ' ' }, jsonPatch: {} },
          ]),
        errors: [
          'spec.mutations[0].patchType: Required value',
          'spec.mutations[1].patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
          'spec.mutations[2].jsonPatch: Required value: must be specified when patchType is JSONPatch',
          'spec.mutations[2].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
          'spec.mutations[3].applyConfiguration.expression: Required value',
          'spec.mutations[3].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration',
        ],
      },
    ],
    'reinvocationPolicy is required, one of IfNeeded, Never': [
      { create: ({ spec }) => delete spec.reinvocationPolicy, errors: ['spec.reinvocationPolicy: Required value'] },
      {
        create: ({ spec }) => (spec.reinvocationPolicy = 'Always'),
        errors: ['spec.reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"'],
      },
    ],
  },
});
