import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { csiNodeValidator } from './csi-node.validation.js';

const driver = 'spec.drivers[0]';

describeRules({
  path: 'storage.k8s.io/v1/csinodes',
  validator: csiNodeValidator,
  valid: {
    spec: { drivers: [{ name: 'Disk.example.com', nodeID: 'n', topologyKeys: ['zone'], allocatable: { count: 3 } }] },
  },
  rows: {
    'names of drivers are DNS names of at most 63 characters, and unique': [
      {
        create: ({ spec }) =>
          (spec.drivers = [
            { name: 'a_b', nodeID: 'n' },
            { name: '', nodeID: 'n' },
            { name: 'a_b', nodeID: 'n' },
          ]),
        errors: [
          `${driver}.name: Invalid value: "a_b": ${words.subdomain}`,
          'spec.drivers[1].name: Required value',
          `spec.drivers[2].name: Invalid value: "a_b": ${words.subdomain}`,
          'spec.drivers[2].name: Duplicate value: "a_b"',
        ],
      },
      {
        create: ({ spec }) => (spec.drivers[0].name = 'a'.repeat(64)),
        errors: [`${driver}.name: Too long: may not be more than 63 bytes`],
      },
    ],
    'nodeID is required and has at most 256 characters': [
      { create: ({ spec }) => (spec.drivers[0].nodeID = ''), errors: [`${driver}.nodeID: Required value`] },
      {
        create: ({ spec }) => (spec.drivers[0].nodeID = 'x'.repeat(257)),
        errors: [`${driver}.nodeID: Invalid value: "${'x'.repeat(257)}": must be 256 characters or less`],
      },
    ],
    'allocatable.count is not negative': [
      {
        create: ({ spec }) => (spec.drivers[0].allocatable.count = -1),
        errors: [`${driver}.allocatable.count: Invalid value: -1: must be greater than or equal to 0`],
      },
    ],
    'topologyKeys are qualified names, and unique': [
      {
        create: ({ spec }) => (spec.drivers[0].topologyKeys = ['a', 'a', '-']),
        errors: [`${driver}: Duplicate value: "a"`, `${driver}: Invalid value: "-": ${words.namePart}`],
      },
    ],
    'immutable: entries of spec.drivers, except allocatable': [
      { update: ({ spec }) => (spec.drivers[0].allocatable.count = 4), errors: [] },
      { update: ({ spec }) => spec.drivers.push({ name: 'other', nodeID: 'n' }), errors: [] },
      {
        update: ({ spec }) => (spec.drivers[0].nodeID = 'm'),
        errors: [
          'spec.drivers: Invalid value: {"Name":"Disk.example.com","NodeID":"m","TopologyKeys":["zone"],"Allocatable":null}: field is immutable',
        ],
      },
    ],
  },
});
