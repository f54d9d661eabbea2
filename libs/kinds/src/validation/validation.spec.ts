import assert from 'node:assert/strict';
import { createErrors, updated } from '../testing/spec-support.js';

const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };

const creates: [path: string, body: any, errors: string[]][] = [
  ['v1/configmaps', { metadata: { name: '' } }, ['metadata.name: Required value: name or generateName is required']],
  ['v1/namespaces', { metadata: { name: 'A' } }, [`metadata.name: Invalid value: "A": ${labelText}`]],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { metadata: { name: 'a\0b' } },
    ['metadata.name: Invalid value: "a\\x00b": must not contain NUL'],
  ],
  ['v1/nodes', { metadata: { namespace: 'x' } }, ['metadata.namespace: Forbidden: not allowed on this type']],
  [
    'v1/configmaps',
    { metadata: { finalizers: ['mine'] } },
    [
      'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
  ],
  [
    'v1/configmaps',
    { metadata: { annotations: { a: 'x'.repeat(262_144) } } },
    ['metadata.annotations: Too long: may not be more than 262144 bytes'],
  ],
  [
    'v1/configmaps',
    { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'e', uid: 'u' }] } },
    [
      'metadata.ownerReferences[0]: Invalid value: {"apiVersion":"v1","kind":"Event","name":"e","uid":"u"}: /v1, Kind=Event is disallowed from being an owner',
    ],
  ],
  [
    'v1/persistentvolumeclaims',
    {},
    ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value'],
  ],
  [
    'v1/configmaps',
    { data: { 'a/b': '', x: '' }, binaryData: { x: 'eA==' } },
    [
      "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      'data[x]: Invalid value: "x": duplicate of key present in binaryData',
    ],
  ],
  ['v1/secrets', { type: 'kubernetes.io/tls' }, ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
  ['v1/secrets', { type: 'kubernetes.io/basic-auth', stringData: { username: 'u' } }, []],
  ['v1/services', {}, ['spec.ports: Required value']],
  ['v1/services', { spec: { clusterIP: 'None', clusterIPs: ['None'] } }, []],
  [
    'v1/services',
    { spec: { ports: [{ port: 0 }, { port: 80, name: 'x', nodePort: 30000 }, { port: 80, name: 'x' }] } },
    [
      'spec.ports[0].name: Required value',
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[2].name: Duplicate value: "x"',
      "spec.ports[1].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
      'spec.ports[2]: Duplicate value: {"AppProtocol":null,"Name":"","NodePort":0,"Port":80,"Protocol":"TCP","TargetPort":0}',
    ],
  ],
  ['v1/services', { spec: { type: 'ExternalName' } }, ['spec.externalName: Required value']],
  [
    'v1/services',
    { spec: { type: 'Odd', externalIPs: ['127.0.0.1', 'x'], ports: [{ port: 1 }] } },
    [
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'spec.externalIPs[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  ],
];

describe('creates', () => {
  for (const [path, body, errors] of creates) {
    it(`of ${path} ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [path: string, body: any, change: (object: any) => void, errors: string[], endpoint?: string][] = [
  [
    'v1/configmaps',
    {},
    ({ metadata }) => (metadata.uid = 'x'),
    ['metadata.uid: Invalid value: "x": field is immutable'],
  ],
  [
    'v1/configmaps',
    { immutable: true, data: { a: '1' } },
    (map) => (map.data.a = '2'),
    ['data: Forbidden: field is immutable when `immutable` is set'],
  ],
  ['v1/secrets', {}, (secret) => (secret.type = 'x'), ['type: Invalid value: "x": field is immutable']],
  [
    'v1/services',
    { spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ports: [{ port: 1 }] } },
    ({ spec }) => {
      spec.clusterIP = '10.0.0.2';
      spec.clusterIPs = ['10.0.0.2'];
    },
    ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  ],
  [
    'scheduling.k8s.io/v1/priorityclasses',
    { value: 5 },
    (item) => (item.value = 6),
    ['value: Forbidden: may not be changed in an update.'],
  ],
  [
    'apps/v1/statefulsets',
    { spec: { serviceName: 'a', selector: { matchLabels: { a: 'b' } }, template } },
    ({ spec }) => (spec.serviceName = 'z'),
    ['spec.serviceName: Invalid value: "z": field is immutable'],
  ],
  [
    'v1/configmaps',
    { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a/b'] } },
    ({ metadata }) => metadata.finalizers.push('c/d'),
    [
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"c/d"}',
    ],
  ],
];

describe('updates', () => {
  for (const [path, body, change, errors, endpoint] of updates) {
    it(`of ${path} refuse ${change}`, () => assert.deepEqual(updated(path, body, change, endpoint).errors, errors));
  }
});
