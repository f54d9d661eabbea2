import assert from 'node:assert/strict';
import { created, createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'v1/nodes';
const long = (count: number, character = 'x') => character.repeat(count);

/** The errors are those that the reference gives for the same object. */
const creates: [body: any, errors: string[]][] = [
  [{ metadata: { name: 'A_b' } }, [`metadata.name: Invalid value: "A_b": ${words.subdomain}`]],
  [
    { metadata: { name: 'a'.repeat(254) } },
    [`metadata.name: Invalid value: "${'a'.repeat(254)}": must be no more than 253 characters`],
  ],
  [
    { metadata: { labels: { '-': 'x y' } } },
    [
      `metadata.labels: Invalid value: "-": ${words.namePart}`,
      `metadata.labels: Invalid value: "x y": ${words.labelValue}`,
    ],
  ],
  [
    { metadata: { annotations: { 'scheduler.alpha.kubernetes.io/taints': '[{"key":"","effect":"x"}]' } } },
    [
      'metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].key: Invalid value: "": name part must be non-empty',
      `metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].key: Invalid value: "": ${words.namePart}`,
      'metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    { metadata: { annotations: { 'scheduler.alpha.kubernetes.io/taints': '{' } } },
    ['metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/taints": unexpected end of JSON input'],
  ],
  [
    {
      metadata: {
        annotations: {
          'scheduler.alpha.kubernetes.io/taints':
            '[{"key":"a","effect":"NoSchedule"},{"key":"a","effect":"NoSchedule"}]',
        },
      },
    },
    [
      'metadata.annotations.scheduler.alpha.kubernetes.io/taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
    ],
  ],
  [
    { metadata: { annotations: { 'scheduler.alpha.kubernetes.io/preferAvoidPods': '{' } } },
    [
      'metadata.annotations.AvoidPods: Invalid value: "scheduler.alpha.kubernetes.io/preferAvoidPods": unexpected end of JSON input',
    ],
  ],
  [
    {
      metadata: {
        annotations: { 'scheduler.alpha.kubernetes.io/preferAvoidPods': '{"preferAvoidPods":[{"podSignature":{}}]}' },
      },
    },
    ['metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[0].PodSignature: Required value'],
  ],
  [
    {
      metadata: {
        annotations: {
          'scheduler.alpha.kubernetes.io/preferAvoidPods':
            '{"preferAvoidPods":[{"podSignature":{"podController":{"controller":false,"kind":"x","name":"y","uid":"z","apiVersion":"v1"}}}]}',
        },
      },
    },
    [
      'metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[0].PodSignature.PodController.Controller: Invalid value: false: must point to a controller',
    ],
  ],
  [
    {
      metadata: {
        annotations: {
          'scheduler.alpha.kubernetes.io/preferAvoidPods':
            '{"preferAvoidPods":[{"podSignature":{"podController":{"controller":true,"kind":"x","name":"y","uid":"z","apiVersion":"v1"}}}]}',
        },
      },
    },
    [],
  ],
  [
    { spec: { taints: [{ key: '', effect: 'NoSchedule' }] } },
    [
      'metadata.taints[0].key: Invalid value: "": name part must be non-empty',
      `metadata.taints[0].key: Invalid value: "": ${words.namePart}`,
    ],
  ],
  [
    { spec: { taints: [{ key: 'a b', value: 'c d', effect: 'Odd' }] } },
    [
      `metadata.taints[0].key: Invalid value: "a b": ${words.namePart}`,
      `metadata.taints[0].value: Invalid value: "c d": ${words.labelValue}`,
      'metadata.taints[0].effect: Unsupported value: "Odd": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    { spec: { taints: [{ key: 'a', value: `-${long(70)}` }] } },
    [
      `metadata.taints[0].value: Invalid value: "-${'x'.repeat(70)}": must be no more than 63 bytes;${words.labelValue}`,
      'metadata.taints[0].effect: Required value',
    ],
  ],
  [
    {
      spec: {
        taints: [
          { key: 'k', effect: 'NoSchedule' },
          { key: 'k', value: 'v', effect: 'NoSchedule', timeAdded: '2026-01-01T00:00:00Z' },
          { key: 'k', effect: 'NoExecute' },
        ],
      },
    },
    [
      'metadata.taints[1]: Duplicate value: {"Key":"k","Value":"v","Effect":"NoSchedule","TimeAdded":"2026-01-01T00:00:00Z"}: taints must be unique by key and effect pair',
    ],
  ],
  [
    { status: { capacity: { pods: '-1', cpu: '-1', 'a.b/c': '1500m', memory: '1500m' } } },
    [
      'status.capacity.pods: Invalid value: "-1": must be greater than or equal to 0',
      'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
      'status.capacity.a.b/c: Invalid value: "1500m": must be an integer',
      'status.allocatable.pods: Invalid value: "-1": must be greater than or equal to 0',
      'status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0',
      'status.allocatable.a.b/c: Invalid value: "1500m": must be an integer',
    ],
  ],
  [
    { status: { capacity: { pods: '1500m' }, allocatable: { pods: '1' } } },
    ['status.capacity.pods: Invalid value: "1500m": must be an integer'],
  ],
  [
    {
      status: {
        capacity: {
          services: '1500m',
          secrets: '1500m',
          configmaps: '1500m',
          persistentvolumeclaims: '1500m',
          replicationcontrollers: '1500m',
          resourcequotas: '1500m',
          'services.nodeports': '1500m',
          'services.loadbalancers': '1500m',
        },
        allocatable: {},
      },
    },
    [
      'status.capacity.services: Invalid value: "1500m": must be an integer',
      'status.capacity.secrets: Invalid value: "1500m": must be an integer',
      'status.capacity.configmaps: Invalid value: "1500m": must be an integer',
      'status.capacity.persistentvolumeclaims: Invalid value: "1500m": must be an integer',
      'status.capacity.replicationcontrollers: Invalid value: "1500m": must be an integer',
      'status.capacity.resourcequotas: Invalid value: "1500m": must be an integer',
      'status.capacity.services.nodeports: Invalid value: "1500m": must be an integer',
      'status.capacity.services.loadbalancers: Invalid value: "1500m": must be an integer',
      'status.allocatable.services: Invalid value: "1500m": must be an integer',
      'status.allocatable.secrets: Invalid value: "1500m": must be an integer',
      'status.allocatable.configmaps: Invalid value: "1500m": must be an integer',
      'status.allocatable.persistentvolumeclaims: Invalid value: "1500m": must be an integer',
      'status.allocatable.replicationcontrollers: Invalid value: "1500m": must be an integer',
      'status.allocatable.resourcequotas: Invalid value: "1500m": must be an integer',
      'status.allocatable.services.nodeports: Invalid value: "1500m": must be an integer',
      'status.allocatable.services.loadbalancers: Invalid value: "1500m": must be an integer',
    ],
  ],
  [
    {
      status: {
        capacity: {
          'attachable-volumes-csi-x': '1500m',
          'requests.a.b/c': '1500m',
          'x.kubernetes.io/y': '1500m',
          'hugepages-2Mi': '1500m',
          'ephemeral-storage': '1500m',
          '-/': '1500m',
        },
        allocatable: {},
      },
    },
    [],
  ],
  [
    { status: { nodeInfo: { swap: { capacity: 0 } } } },
    ['metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero'],
  ],
  [
    { status: { nodeInfo: { swap: { capacity: -5 } } } },
    ['metadata.nodeSwapStatus.capacity: Invalid value: -5: must be greater than zero'],
  ],
  [{ status: { nodeInfo: { swap: { capacity: 5 } } } }, []],
  [
    { status: { declaredFeatures: ['lower', 'A/b', 'A/b', 'B/', 'Aa', long(254, 'A')] } },
    [
      `status.declaredFeatures[0]: Invalid value: "lower": invalid feature name "lower": must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`,
      'status.declaredFeatures[1]: Invalid value: "A/b": list must be sorted alphabetically',
      'status.declaredFeatures[2]: Duplicate value: "A/b"',
      `status.declaredFeatures[3]: Invalid value: "B/": invalid feature name "B/": must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`,
      'status.declaredFeatures[4]: Invalid value: "Aa": list must be sorted alphabetically',
      `status.declaredFeatures[5]: Invalid value: "${'A'.repeat(254)}": list must be sorted alphabetically`,
      `status.declaredFeatures[5]: Invalid value: "${'A'.repeat(254)}": invalid feature name "${'A'.repeat(254)}": must be no more than 253 characters`,
    ],
  ],
  [
    { status: { declaredFeatures: ['B', 'A'] } },
    ['status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically'],
  ],
  [{ spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] } }, []],
  [
    { spec: { podCIDRs: ['x', '10.0.0.0/24'] } },
    [
      'spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      'spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[0]: <nil> (invalid CIDR address: x)',
      'spec.podCIDRs: Invalid value: ["x","10.0.0.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  ],
  [
    { spec: { podCIDRs: ['10.0.0.1/24'] } },
    ['spec.podCIDRs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length'],
  ],
  [
    { spec: { podCIDRs: ['010.0.0.0/24'] } },
    ['spec.podCIDRs[0]: Invalid value: "010.0.0.0/24": must not have leading 0s in IP or prefix length'],
  ],
  [
    { spec: { podCIDRs: ['::ffff:10.0.0.0/120'] } },
    ['spec.podCIDRs[0]: Invalid value: "::ffff:10.0.0.0/120": must not have an IPv4-mapped IPv6 address'],
  ],
  [
    { spec: { podCIDRs: ['10.0.0.0/24', '10.0.1.0/24'] } },
    [
      'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  ],
  [
    { spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/64', '10.0.1.0/24'] } },
    [
      'spec.podCIDRs: Invalid value: ["10.0.0.0/24","fd00::/64","10.0.1.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  ],
  [{ spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/64'] } }, []],
  [{ spec: { configSource: {} }, status: { config: { assigned: {} } } }, []],
  [{ spec: { podPreemptionPolicy: { mode: 'x' } } }, []],
  [
    {
      spec: { externalID: 'x', providerID: 'y' },
      status: {
        addresses: [
          { type: 'InternalIP', address: 'x' },
          { type: 'InternalIP', address: 'x' },
        ],
      },
    },
    [],
  ],
];

describe('creates', () => {
  for (const [body, errors] of creates) {
    it(`of ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [body: any, change: (object: any) => void, errors: string[], endpoint?: string][] = [
  [
    { spec: { podCIDRs: ['10.0.0.0/24'], providerID: 'p' } },
    (n) => {
      n.spec = {};
    },
    [
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
      'spec.providerID: Invalid value: null: field cannot be cleared once set',
    ],
  ],
  [
    { spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/64'] } },
    (n) => {
      n.spec.podCIDRs = ['10.0.1.0/24', 'fd01::/64'];
      delete n.spec.podCIDR;
    },
    ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
  ],
  [
    { spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24', 'fd00::/64'] } },
    (n) => {
      n.spec.podCIDR = '10.0.0.0/8';
    },
    ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
  ],
  [
    { spec: { podCIDR: '10.0.0.0/24' } },
    (n) => {
      n.spec.podCIDR = '10.0.0.0/8';
      n.spec.podCIDRs = ['10.0.0.0/24'];
    },
    ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
  ],
  [
    { spec: { podCIDR: '10.0.0.0/24' } },
    (n) => {
      delete n.spec.podCIDR;
    },
    [],
  ],
  [
    {},
    (n) => {
      n.spec.podCIDR = '10.0.0.0/24';
    },
    [],
  ],
  [
    { spec: { podCIDRs: ['10.0.0.0/24'] } },
    (n) => {
      n.spec.podCIDRs = ['x'];
      n.spec.podCIDR = 'x';
    },
    [
      'spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    ],
  ],
  [
    {},
    (n) => {
      n.spec.podCIDRs = ['10.0.0.1/24', '10.0.0.0/24'];
    },
    [
      'spec.podCIDRs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length',
      'spec.podCIDRs: Invalid value: ["10.0.0.1/24","10.0.0.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  ],
  [
    {},
    (n) => {
      n.spec.podCIDRs = ['10.0.0.0/24'];
      n.spec.providerID = 'x';
    },
    [],
  ],
  [
    { spec: { providerID: 'p' } },
    (n) => {
      n.spec.providerID = 'q';
    },
    ['spec.providerID: Invalid value: null: field cannot be modified once set'],
  ],
  [
    { spec: { externalID: 'p' } },
    (n) => {
      n.spec.externalID = 'q';
    },
    ['spec.externalID: Forbidden: may not be updated'],
  ],
  [
    {},
    (n) => {
      n.spec.externalID = 'q';
    },
    ['spec.externalID: Forbidden: may not be updated'],
  ],
  [
    {},
    (n) => {
      n.spec.taints = [
        { key: 'a b', effect: 'Odd' },
        { key: 'a', effect: 'NoSchedule' },
        { key: 'a', effect: 'NoSchedule' },
      ];
    },
    [
      `metadata.taints[0].key: Invalid value: "a b": ${words.namePart}`,
      'metadata.taints[0].effect: Unsupported value: "Odd": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      'metadata.taints[2]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
    ],
  ],
  [
    {},
    (n) => {
      n.spec.unschedulable = true;
      n.spec.configSource = {};
    },
    [],
  ],
  [
    {},
    (n) => {
      n.metadata.annotations = { 'scheduler.alpha.kubernetes.io/taints': '[{"key":"","effect":"x"}]' };
    },
    [
      'metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].key: Invalid value: "": name part must be non-empty',
      `metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].key: Invalid value: "": ${words.namePart}`,
      'metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    {},
    (n) => {
      n.status.capacity = { pods: '-1' };
    },
    [],
  ],
  [
    {},
    (n) => {
      n.status.capacity = { pods: '-1', cpu: '1' };
      n.status.allocatable = { 'a.b/c': '1500m' };
    },
    [
      'status.capacity.pods: Invalid value: "-1": must be greater than or equal to 0',
      'status.allocatable.a.b/c: Invalid value: "1500m": must be an integer',
    ],
    'status',
  ],
  [
    {},
    (n) => {
      n.status.addresses = [
        { type: 'InternalIP', address: 'x' },
        { type: 'Hostname', address: 'x' },
        { type: 'InternalIP', address: 'x' },
      ];
    },
    ['status.addresses[2]: Duplicate value: {"Type":"InternalIP","Address":"x"}'],
    'status',
  ],
  [
    {},
    (n) => {
      n.status.declaredFeatures = ['b', 'B', 'A', 'A'];
      n.status.nodeInfo.swap = { capacity: 0 };
    },
    [
      `status.declaredFeatures[0]: Invalid value: "b": invalid feature name "b": must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`,
      'status.declaredFeatures[1]: Invalid value: "B": list must be sorted alphabetically',
      'status.declaredFeatures[2]: Invalid value: "A": list must be sorted alphabetically',
      'status.declaredFeatures[3]: Duplicate value: "A"',
    ],
    'status',
  ],
  [
    {},
    (n) => {
      n.status.config = { assigned: {} };
      n.spec.taints = [{}];
    },
    [],
    'status',
  ],
  [
    { status: { capacity: { pods: '-1' } } },
    (n) => {
      n.metadata.labels = { a: 'b' };
    },
    [
      'status.capacity.pods: Invalid value: "-1": must be greater than or equal to 0',
      'status.allocatable.pods: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
  [
    { status: { declaredFeatures: ['b'], nodeInfo: { swap: { capacity: 0 } } } },
    (n) => {
      n.metadata.labels = { a: 'b' };
    },
    [
      'metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero',
      `status.declaredFeatures[0]: Invalid value: "b": invalid feature name "b": must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`,
    ],
  ],
];

describe('updates', () => {
  for (const [body, change, errors, endpoint] of updates) {
    it(`of ${JSON.stringify(body).slice(0, 40)} by ${change}${endpoint ? ` through ${endpoint}` : ''}`, () =>
      assert.deepEqual(updated(path, body, change, endpoint).errors, errors));
  }
});

it('has no dynamic configuration', () => {
  const config = { assigned: {} };
  const made: any = created(path, { spec: { configSource: {} }, status: { config } });
  assert.deepEqual([made.spec.configSource, made.status.config], [undefined, undefined]);
  for (const endpoint of ['', 'status']) {
    const change = (node: any) => {
      node.spec.configSource = {};
      node.status.config = config;
    };
    const { object } = updated(path, {}, change, endpoint);
    assert.deepEqual([object.spec.configSource, object.status.config], [undefined, undefined]);
  }
});

describe('the two fields of the pod addresses', () => {
  const pairs: [given: object, kept: object][] = [
    [{ podCIDR: '10.0.0.0/24' }, { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] }],
    [{ podCIDRs: ['10.0.0.0/24', 'fd00::/64'] }, { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24', 'fd00::/64'] }],
    [
      { podCIDR: '10.1.0.0/24', podCIDRs: ['10.0.0.0/24'] },
      { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'] },
    ],
    [{}, {}],
  ];
  for (const [spec, kept] of pairs) {
    it(`${JSON.stringify(spec)} are in step`, () => assert.deepEqual(created(path, { spec })['spec'], kept));
  }
});
