import { describeRules } from '../../../testing/rule-table.js';
import { priorityClassValidator } from './priority-class.validation.js';

const reserved = "priority class names with 'system-' prefix are reserved for system use only. error:";

describeRules({
  path: 'scheduling.k8s.io/v1/priorityclasses',
  validator: priorityClassValidator,
  valid: { value: 1_000_000_000, globalDefault: true },
  rows: {
    'names with the prefix system- are those of system-cluster-critical (2000000000) and system-node-critical (2000001000)':
      [
        {
          create: (item) => Object.assign(item, { metadata: { name: 'system-x' } }),
          errors: [`metadata.name: Forbidden: ${reserved} system-x is not a known system priority class`],
        },
        {
          create: (item) => Object.assign(item, { metadata: { name: 'system-node-critical' } }),
          errors: [
            `metadata.name: Forbidden: ${reserved} value of system-node-critical PriorityClass must be 2000001000`,
          ],
        },
        {
          create: (item) =>
            Object.assign(item, { metadata: { name: 'system-cluster-critical' }, value: 2_000_000_000 }),
          errors: [
            `metadata.name: Forbidden: ${reserved} globalDefault of system-cluster-critical PriorityClass must be false`,
          ],
        },
        {
          create: (item) =>
            Object.assign(item, {
              metadata: { name: 'system-node-critical' },
              value: 2_000_001_000,
              globalDefault: false,
            }),
          errors: [],
        },
      ],
    'value is at most 1000000000, but for those of the system': [
      {
        create: (item) => (item.value = 1_000_000_001),
        errors: ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
      },
    ],
    'preemptionPolicy is one of PreemptLowerPriority, Never': [
      {
        create: (item) => (item.preemptionPolicy = 'Always'),
        errors: ['preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"'],
      },
    ],
    'immutable: value, preemptionPolicy': [
      {
        update: (item) => Object.assign(item, { value: 1, preemptionPolicy: 'Never' }),
        errors: [
          'value: Forbidden: may not be changed in an update.',
          'preemptionPolicy: Invalid value: "Never": field is immutable',
        ],
      },
      { update: (item) => (item.description = 'x'), errors: [] },
    ],
  },
});
