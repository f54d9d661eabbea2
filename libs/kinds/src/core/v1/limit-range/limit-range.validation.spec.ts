import { describeRules } from '../../../testing/rule-table.js';
import { limitRangeValidator } from './limit-range.validation.js';

const limit = 'spec.limits[0]';
const notStandard = 'must be a standard resource type or fully qualified';

describeRules({
  path: 'v1/limitranges',
  validator: limitRangeValidator,
  valid: {
    spec: {
      limits: [
        {
          type: 'Container',
          min: { cpu: '100m' },
          defaultRequest: { cpu: '200m' },
          default: { cpu: '1' },
          max: { cpu: '2' },
          maxLimitRequestRatio: { cpu: '10' },
        },
        { type: 'Pod', max: { memory: '1Gi' } },
        { type: 'PersistentVolumeClaim', min: { storage: '1Gi' } },
        { type: 'example.com/Thing', max: { 'example.com/things': '3' } },
      ],
    },
  },
  rows: {
    'type is Pod, Container, PersistentVolumeClaim or fully qualified, and occurs once': [
      {
        create: ({ spec }) => (spec.limits = [{ type: 'Node' }, { type: 'Pod' }, { type: 'Pod' }]),
        errors: [
          `${limit}.type: Invalid value: "Node": must be a standard limit type or fully qualified`,
          'spec.limits[2].type: Duplicate value: "Pod"',
        ],
      },
    ],
    'resources have names that the type knows': [
      {
        create: ({ spec }) => (spec.limits = [{ type: 'Pod', max: { storage: '1' } }]),
        errors: [`${limit}.max[storage]: Invalid value: "storage": must be a standard resource for containers`],
      },
      {
        create: ({ spec }) => (spec.limits = [{ type: 'a/b', min: { gpu: '1' } }]),
        errors: [`${limit}.min[gpu]: Invalid value: "gpu": ${notStandard}`],
      },
    ],
    'default and defaultRequest are forbidden for Pod': [
      {
        create: ({ spec }) => (spec.limits = [{ type: 'Pod', default: { cpu: '1' }, defaultRequest: { cpu: '1' } }]),
        errors: ['default', 'defaultRequest'].map(
          (name) => `${limit}.${name}: Forbidden: may not be specified when \`type\` is 'Pod'`,
        ),
      },
    ],
    'PersistentVolumeClaim needs min or max of storage': [
      {
        create: ({ spec }) => (spec.limits = [{ type: 'PersistentVolumeClaim' }]),
        errors: [
          `${limit}.limits: Required value: either minimum or maximum storage value is required, but neither was provided`,
        ],
      },
    ],
    'min <= defaultRequest <= default <= max': [
      {
        create: ({ spec }) => (spec.limits[0].min.cpu = '3'),
        errors: [
          `${limit}.min[cpu]: Invalid value: "3": min value 3 is greater than max value 2`,
          `${limit}.defaultRequest[cpu]: Invalid value: "200m": min value 3 is greater than default request value 200m`,
          `${limit}.default[cpu]: Invalid value: "3": min value 3 is greater than default value 1`,
          `${limit}.maxLimitRequestRatio[cpu]: Invalid value: "10": ratio 10 is greater than max/min = 0.666667`,
        ],
      },
      {
        create: ({ spec }) => Object.assign(spec.limits[0], { defaultRequest: { cpu: '4' }, default: { cpu: '3' } }),
        errors: [
          `${limit}.defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than max value 2`,
          `${limit}.defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than default limit value 3`,
          `${limit}.default[cpu]: Invalid value: "2": default value 3 is greater than max value 2`,
        ],
      },
    ],
    'maxLimitRequestRatio is at least 1 and at most max/min': [
      {
        create: ({ spec }) => (spec.limits[0].maxLimitRequestRatio.cpu = '500m'),
        errors: [`${limit}.maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1`],
      },
      {
        update: ({ spec }) => (spec.limits[0].maxLimitRequestRatio.cpu = '21'),
        errors: [
          `${limit}.maxLimitRequestRatio[cpu]: Invalid value: "21": ratio 21 is greater than max/min = 20.000000`,
        ],
      },
    ],
    'what cannot be overcommitted has the same default and defaultRequest': [
      {
        create: ({ spec }) =>
          (spec.limits = [{ type: 'Container', default: { 'a.b/gpu': '2' }, defaultRequest: { 'a.b/gpu': '1' } }]),
        errors: [
          `${limit}.defaultRequest[a.b/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in a.b/gpu`,
        ],
      },
    ],
  },
});
