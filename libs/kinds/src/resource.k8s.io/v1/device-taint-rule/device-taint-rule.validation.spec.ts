import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { deviceTaintRuleValidator } from './device-taint-rule.validation.js';

const condition = (type: string) => ({
  type,
  status: 'True',
  reason: 'R',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

describeRules({
  path: 'resource.k8s.io/v1/devicetaintrules',
  validator: deviceTaintRuleValidator,
  valid: {
    spec: {
      deviceSelector: { driver: 'example.com', pool: 'a/b', device: 'gpu-0' },
      taint: { key: 'example.com/broken', value: 'yes', effect: 'NoExecute' },
    },
  },
  rows: {
    'deviceSelector: names of a driver, a pool, a device': [
      {
        create: ({ spec }) => (spec.deviceSelector = { driver: 'a_b', pool: 'A', device: 'A' }),
        errors: [
          `spec.deviceSelector.driver: Invalid value: "a_b": ${words.subdomain}`,
          `spec.deviceSelector.pool: Invalid value: "A": ${words.subdomain}`,
          `spec.deviceSelector.device: Invalid value: "A": ${words.label}`,
        ],
      },
    ],
    'taint: key is a label key, value a label value, effect is required, one of NoExecute, NoSchedule, None': [
      {
        create: ({ spec }) => (spec.taint = { key: '-', value: '-' }),
        errors: [
          `spec.taint.key: Invalid value: "-": ${words.namePart}`,
          `spec.taint.value: Invalid value: "-": ${words.labelValue}`,
          'spec.taint.effect: Required value',
        ],
      },
      {
        update: ({ spec }) => (spec.taint.effect = 'Odd'),
        errors: ['spec.taint.effect: Unsupported value: "Odd": supported values: "NoExecute", "NoSchedule", "None"'],
      },
    ],
    'status: at most 8 conditions, well-formed': [
      {
        endpoint: 'status',
        update: (rule) => (rule.status = { conditions: Array.from({ length: 9 }, (_, i) => condition(`C${i}`)) }),
        errors: ['status.conditions: Too many: 9: must have at most 8 items'],
      },
    ],
  },
});
