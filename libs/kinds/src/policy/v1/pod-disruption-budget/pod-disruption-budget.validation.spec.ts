import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { podDisruptionBudgetValidator } from './pod-disruption-budget.validation.js';

const percentForm =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
const good = { type: 'Ready', status: 'True', reason: 'Fine', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };

describeRules({
  path: 'policy/v1/poddisruptionbudgets',
  validator: podDisruptionBudgetValidator,
  valid: { spec: { minAvailable: '50%', selector: { matchLabels: { a: 'b' } } } },
  rows: {
    'minAvailable and maxUnavailable exclude each other': [
      {
        create: ({ spec }) => (spec.maxUnavailable = 1),
        errors: [
          'spec: Invalid value: {"MinAvailable":"50%","Selector":{"matchLabels":{"a":"b"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
        ],
      },
    ],
    'each is a number of at least 0, or a percentage of at most 100%': [
      {
        create: ({ spec }) => (spec.minAvailable = -1),
        errors: ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0'],
      },
      {
        create: (budget) => (budget.spec = { maxUnavailable: '101%' }),
        errors: ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
      },
      {
        create: ({ spec }) => (spec.minAvailable = 'half'),
        errors: [`spec.minAvailable: Invalid value: "half": ${percentForm}`],
      },
    ],
    'the selector is well-formed; an update keeps label values that an older release accepted': [
      {
        create: ({ spec }) => (spec.selector.matchLabels.a = '-'),
        errors: [`spec.selector.matchLabels: Invalid value: "-": ${words.labelValue}`],
      },
      {
        stored: ({ spec }) => (spec.selector = { matchExpressions: [{ key: 'a', operator: 'In', values: ['-'] }] }),
        update: ({ spec }) => (spec.minAvailable = 1),
        errors: [],
      },
    ],
    'unhealthyPodEvictionPolicy is one of AlwaysAllow, IfHealthyBudget': [
      {
        create: ({ spec }) => (spec.unhealthyPodEvictionPolicy = 'Never'),
        errors: [
          'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
        ],
      },
    ],
    'status: conditions are well-formed, numbers are not negative': [
      {
        endpoint: 'status',
        update: (budget) => (budget.status = { conditions: [good], expectedPods: 1 }),
        errors: [],
      },
      {
        endpoint: 'status',
        update: (budget) => (budget.status = { conditions: [good, { ...good, status: 'Maybe' }], expectedPods: -1 }),
        errors: [
          'status.conditions[1]: Duplicate value: "Ready"',
          'status.conditions[1].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
          'status.expectedPods: Invalid value: -1: must be greater than or equal to 0',
        ],
      },
      {
        endpoint: 'status',
        update: (budget) => (budget.status = { conditions: [{ observedGeneration: -1, message: 'x'.repeat(32769) }] }),
        errors: [
          'status.conditions[0].type: Required value: is required',
          'status.conditions[0].status: Required value',
          'status.conditions[0].observedGeneration: Invalid value: -1: must be greater than or equal to zero',
          'status.conditions[0].lastTransitionTime: Required value',
          'status.conditions[0].reason: Required value',
          'status.conditions[0].message: Too long: may not be more than 32768 bytes',
        ],
      },
    ],
  },
});
