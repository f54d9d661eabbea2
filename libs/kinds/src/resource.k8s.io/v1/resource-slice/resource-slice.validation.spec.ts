import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { resourceSliceValidator } from './resource-slice.validation.js';
import { device, deviceRows } from './testing/device-rows.js';

const oneOf = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

describeRules({
  path: 'resource.k8s.io/v1/resourceslices',
  validator: resourceSliceValidator,
  valid: {
    spec: {
      driver: 'example.com',
      nodeName: 'n',
      pool: { name: 'n', generation: 1, resourceSliceCount: 1 },
      devices: [device()],
    },
  },
  rows: {
    ...deviceRows,
    'driver is a DNS name of at most 63 characters': [
      { create: ({ spec }) => (spec.driver = ''), errors: ['spec.driver: Required value'] },
      {
        create: ({ spec }) => (spec.driver = 'a'.repeat(64)),
        errors: ['spec.driver: Too long: may not be more than 63 bytes'],
      },
    ],
    'pool: a name, resourceSliceCount is positive, generation is not negative': [
      {
        create: ({ spec }) => (spec.pool = { generation: -1 }),
        errors: [
          'spec.pool.name: Required value',
          'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
          'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
        ],
      },
    ],
    'exactly one of nodeName, nodeSelector (of one term), allNodes, perDeviceNodeSelection': [
      { create: ({ spec }) => delete spec.nodeName, errors: [`spec: Required value: ${oneOf}`] },
      {
        create: ({ spec }) => Object.assign(spec, { allNodes: true, perDeviceNodeSelection: false }),
        errors: [
          'spec.perDeviceNodeSelection: Invalid value: false: must be either unset or set to true',
          `spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${oneOf}, but multiple fields are set`,
        ],
      },
      {
        create: ({ spec }) => Object.assign(spec, { nodeName: undefined, nodeSelector: { nodeSelectorTerms: [] } }),
        errors: [
          'spec.nodeSelector.nodeSelectorTerms: Required value: must have at least one node selector term',
          'spec.nodeSelector.nodeSelectorTerms: Invalid value: []: must have exactly one node selector term',
        ],
      },
    ],
    'sharedCounters (at most 8) and devices exclude each other': [
      {
        create: ({ spec }) => (spec.sharedCounters = [{ name: 'c', counters: { memory: { value: '1Gi' } } }]),
        errors: ['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed'],
      },
      {
        create: ({ spec }) => {
          delete spec.devices;
          spec.sharedCounters = Array.from({ length: 9 }, (_, i) => ({
            name: `c${i}`,
            counters: { memory: { value: '1Gi' } },
          }));
        },
        errors: ['spec.sharedCounters: Too many: 9: must have at most 8 items'],
      },
    ],
    'devices: at most 128, or 64 with taints or counters, with unique DNS labels as names': [
      {
        create: ({ spec }) => (spec.devices = [{ name: 'a' }, { name: 'a' }, { name: 'A' }]),
        errors: [`spec.devices[2].name: Invalid value: "A": ${words.label}`, 'spec.devices[1]: Duplicate value: "a"'],
      },
      {
        create: ({ spec }) =>
          (spec.devices = Array.from({ length: 65 }, (_, i) => ({
            name: `a${i}`,
            taints: [{ key: 'a', effect: 'None' }],
          }))),
        errors: ['spec.devices: Too many: 65: must have at most 64 items'],
      },
    ],
    'immutable: spec.pool.name, spec.driver, spec.nodeName': [
      {
        update: ({ spec }) => {
          Object.assign(spec, { driver: 'b', nodeName: 'm' });
          spec.pool.name = 'm';
        },
        errors: [
          'spec.pool.name: Invalid value: "m": field is immutable',
          'spec.driver: Invalid value: "b": field is immutable',
          'spec.nodeName: Invalid value: "m": field is immutable',
        ],
      },
    ],
  },
});
