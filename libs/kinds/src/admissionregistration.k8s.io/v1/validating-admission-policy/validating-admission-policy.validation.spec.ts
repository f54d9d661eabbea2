import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { matchConstraints, policyRows } from '../testing/policy-rows.js';
import { validatingAdmissionPolicyValidator } from './validating-admission-policy.validation.js';

const nothing = 'validations or auditAnnotations must contain at least one item';

describeRules({
  path: 'admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  validator: validatingAdmissionPolicyValidator,
  valid: {
    spec: {
      matchConstraints: matchConstraints(),
      validations: [{ expression: 'object.spec.replicas <= 5', message: 'too many' }],
    },
  },
  rows: {
    ...policyRows,
    'validations or auditAnnotations are required': [
      {
        create: ({ spec }) => (spec.validations = []),
        errors: [`spec.validations: Required value: ${nothing}`, `spec.auditAnnotations: Required value: ${nothing}`],
      },
    ],
    'validations: an expression; messages have text and no line breaks; reason is one of Forbidden, Invalid, RequestEntityTooLarge':
      [
        {
          create: ({ spec }) =>
            (spec.validations = [
              { expression: ' ', message: ' ', messageExpression: ' ', reason: 'Odd' },
              { expression: 'true', message: 'a\nb' },
            ]),
          errors: [
            'spec.validations[0].expression: Required value: expression is not specified',
            'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
            'spec.validations[0].message: Invalid value: " ": must be non-empty if specified',
            'spec.validations[0].reason: Unsupported value: "Odd": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
            'spec.validations[1].message: Invalid value: "a\\nb": must not contain line breaks',
          ],
        },
      ],
    'expressions compile, and give the type that they are for': [
      {
        create: ({ spec }) => {
          spec.variables = [{ name: 'n', expression: 'object.spec.replicas' }];
          spec.validations = [
            { expression: 'variables.n' },
            { expression: 'variables.m > 1', messageExpression: '1' },
            { expression: "authorizer.path('/').check('get').allowed()", messageExpression: 'authorizer.name' },
          ];
          spec.auditAnnotations = [{ key: 'a', valueExpression: '1' }];
        },
        errors: [
          'spec.validations[0].expression: Invalid value: "variables.n": must evaluate to bool but got dyn',
          `spec.validations[1].expression: Invalid value: "variables.m > 1": compilation failed: ERROR: <input>:1:10: undefined field 'm'\n | variables.m > 1\n | .........^`,
          'spec.validations[1].messageExpression: Invalid value: "1": must evaluate to string but got int',
          `spec.validations[2].messageExpression: Invalid value: "authorizer.name": compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')\n | authorizer.name\n | ^`,
          'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type] but got int',
        ],
      },
    ],
    'auditAnnotations: at most 20, unique keys, a value expression of at most 5120 bytes': [
      {
        create: ({ spec }) =>
          (spec.auditAnnotations = [
            { key: 'a', valueExpression: '' },
            { key: 'a', valueExpression: 'x'.repeat(5121) },
            { key: '-', valueExpression: 'null' },
          ]),
        errors: [
          'spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified',
          'spec.auditAnnotations[1].valueExpression: Required value: must not exceed 5120 bytes in length',
          'spec.auditAnnotations[1].key: Duplicate value: "a"',
          `spec.auditAnnotations[2].key: Invalid value: "it/-": ${words.namePart}`,
        ],
      },
      {
        create: ({ spec }) =>
          (spec.auditAnnotations = Array.from({ length: 21 }, (_, i) => ({ key: `a${i}`, valueExpression: 'null' }))),
        errors: [
          `spec.auditAnnotations: Invalid value: ${JSON.stringify(Array.from({ length: 21 }, (_, i) => ({ Key: `a${i}`, ValueExpression: 'null' })))}: must not have more than 20 auditAnnotations`,
        ],
      },
    ],
    'status: conditions are well-formed, warnings have a text and a field reference': [
      {
        endpoint: 'status',
        update: (policy) =>
          (policy.status = { typeChecking: { expressionWarnings: [{}] }, conditions: [{ type: 'A', status: 'True' }] }),
        errors: [
          'status.typeChecking.expressionWarnings[0].warning: Required value',
          'status.typeChecking.expressionWarnings[0].fieldRef: Required value',
          'status.conditions[0].lastTransitionTime: Required value',
          'status.conditions[0].reason: Required value',
        ],
      },
    ],
  },
});
