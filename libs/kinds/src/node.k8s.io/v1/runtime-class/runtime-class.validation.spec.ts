import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { runtimeClassValidator } from './runtime-class.validation.js';

describeRules({
  path: 'node.k8s.io/v1/runtimeclasses',
  validator: runtimeClassValidator,
  valid: {
    handler: 'runc',
    overhead: { podFixed: { cpu: '100m' } },
    scheduling: { nodeSelector: { a: 'b' }, tolerations: [{ key: 'a', operator: 'Exists' }] },
  },
  rows: {
    'handler is a DNS label': [
      { create: (item) => (item.handler = ''), errors: ['handler: Required value'] },
      { create: (item) => (item.handler = 'A'), errors: [`handler: Invalid value: "A": ${words.label}`] },
    ],
    'overhead: amounts of what a container may ask for': [
      {
        create: ({ overhead }) => (overhead.podFixed = { cpu: '-1', storage: '1' }),
        errors: [
          'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
          'overhead.limits[storage]: Invalid value: "storage": must be a standard resource for containers',
        ],
      },
    ],
    'scheduling: labels and tolerations are well-formed, tolerations are unique': [
      {
        create: ({ scheduling }) => {
          scheduling.nodeSelector.a = '-';
          scheduling.tolerations.push({ key: 'a', operator: 'Exists' }, { key: 'b', operator: 'Has' });
        },
        errors: [
          `scheduling.nodeSelector: Invalid value: "-": ${words.labelValue}`,
          'scheduling.tolerations[2].operator: Unsupported value: "Has": supported values: "Equal", "Exists"',
          'scheduling.tolerations[1]: Duplicate value: {"Key":"a","Operator":"Exists","Value":"","Effect":"","TolerationSeconds":null}',
        ],
      },
    ],
    'immutable: handler': [
      {
        update: (item) => (item.handler = 'kata'),
        errors: ['handler: Invalid value: null: field is immutable'],
      },
    ],
  },
});
