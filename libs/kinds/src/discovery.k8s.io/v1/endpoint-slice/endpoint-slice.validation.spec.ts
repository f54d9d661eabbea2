import assert from 'node:assert/strict';
import { created, createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'discovery.k8s.io/v1/endpointslices';
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const long = (count: number, character = 'x') => character.repeat(count);

/** The errors are those that the reference gives for the same object. */
const creates: [body: any, errors: string[]][] = [
  [{}, ['addressType: Required value']],
  [
    { metadata: { name: 'A' }, addressType: 'IPv5' },
    [
      `metadata.name: Invalid value: "A": ${words.subdomain}`,
      'addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"',
    ],
  ],
  [
    {
      addressType: 'IPv4',
      endpoints: [{ addresses: [] }, { addresses: ['fd00::1', '0.0.0.0', '010.0.0.1', '::ffff:10.0.0.1', 'x', ''] }],
    },
    [
      'endpoints[1].addresses: Invalid value: "fd00::1": must be an IPv4 address',
      'endpoints[1].addresses[1]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
      'endpoints[1].addresses[2]: Invalid value: "010.0.0.1": must not have leading 0s',
      'endpoints[1].addresses[3]: Invalid value: "::ffff:10.0.0.1": must not be an IPv4-mapped IPv6 address',
      `endpoints[1].addresses[4]: Invalid value: "x": ${words.ipForm}`,
      `endpoints[1].addresses[5]: Invalid value: "": ${words.ipForm}`,
      'endpoints[0].addresses: Required value',
    ],
  ],
  [
    {
      addressType: 'IPv6',
      endpoints: [
        { addresses: ['10.0.0.1', 'fd00:0::1', '::', 'FD00::1', 'fe80::1', '::1', 'ff02::1', 'x', '::ffff:10.0.0.1'] },
      ],
    },
    [
      'endpoints[0].addresses: Invalid value: "10.0.0.1": must be an IPv6 address',
      'endpoints[0].addresses[1]: Invalid value: "fd00:0::1": must be in canonical form ("fd00::1")',
      'endpoints[0].addresses[2]: Invalid value: "::": may not be unspecified (::)',
      'endpoints[0].addresses[3]: Invalid value: "FD00::1": must be in canonical form ("fd00::1")',
      `endpoints[0].addresses[4]: Invalid value: "fe80::1": ${words.linkLocal}`,
      `endpoints[0].addresses[5]: Invalid value: "::1": ${words.loopback}`,
      `endpoints[0].addresses[6]: Invalid value: "ff02::1": ${words.linkLocalMulticast}`,
      `endpoints[0].addresses[7]: Invalid value: "x": ${words.ipForm}`,
      'endpoints[0].addresses[8]: Invalid value: "::ffff:10.0.0.1": must not be an IPv4-mapped IPv6 address',
    ],
  ],
  [
    {
      addressType: 'FQDN',
      endpoints: [{ addresses: ['', 'a', 'a.b', 'a.b.', 'A.b', 'a..b', `${long(300)}.b`, '.', '1.2'] }],
    },
    [
      'endpoints[0].addresses[0]: Required value',
      'endpoints[0].addresses[1]: Invalid value: "a": should be a domain with at least two segments separated by dots',
      `endpoints[0].addresses[4]: Invalid value: "A.b": ${words.subdomain}`,
      `endpoints[0].addresses[5]: Invalid value: "a..b": ${words.subdomain}`,
      `endpoints[0].addresses[6]: Invalid value: "${'x'.repeat(300)}.b": must be no more than 253 characters`,
      `endpoints[0].addresses[7]: Invalid value: "": ${words.subdomain}`,
    ],
  ],
  [
    { addressType: 'Odd', endpoints: [{ addresses: ['whatever'] }] },
    ['addressType: Unsupported value: "Odd": supported values: "FQDN", "IPv4", "IPv6"'],
  ],
  [
    { addressType: 'IPv4', endpoints: [{ addresses: many(101, (i) => `10.0.0.${i + 1}`) }] },
    ['endpoints[0].addresses: Too many: 101: must have at most 100 items'],
  ],
  [
    { addressType: 'IPv4', endpoints: many(1001, () => ({ addresses: ['10.0.0.1'] })) },
    ['endpoints: Too many: 1001: must have at most 1000 items'],
  ],
  [
    {
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.0.1'], nodeName: 'N', hostname: 'A.b' },
        { addresses: ['10.0.0.1'], nodeName: '', hostname: '' },
      ],
    },
    [
      `endpoints[0].nodeName: Invalid value: "N": ${words.subdomain}`,
      `endpoints[0].hostname: Invalid value: "A.b": ${words.label}`,
      `endpoints[1].nodeName: Invalid value: "": ${words.subdomain}`,
      `endpoints[1].hostname: Invalid value: "": ${words.label}`,
    ],
  ],
  [
    {
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.0.1'], deprecatedTopology: Object.fromEntries(many(17, (i) => [`k${i}`, 'v y'])) },
      ],
    },
    [],
  ],
  [
    {
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          zone: 'a b',
          hints: {
            forZones: [{ name: 'a b' }, { name: 'z' }, { name: 'z' }, { name: '' }],
            forNodes: [{ name: 'N' }, { name: 'n' }, { name: 'n' }, { name: '' }],
          },
        },
      ],
    },
    [
      `endpoints[0].hints.forZones[0].name: Invalid value: "a b": ${words.labelValue}`,
      'endpoints[0].hints.forZones[2].name: Duplicate value: "z"',
      `endpoints[0].hints.forNodes[0].name: Invalid value: "N": ${words.subdomain}`,
      'endpoints[0].hints.forNodes[2].name: Duplicate value: "n"',
      `endpoints[0].hints.forNodes[3].name: Invalid value: "": ${words.subdomain}`,
    ],
  ],
  [
    {
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          hints: { forZones: many(9, (i) => ({ name: `z${i}` })), forNodes: many(9, (i) => ({ name: `z${i}` })) },
        },
      ],
    },
    ['endpoints[0].hints.forZones: Too many: 9: must have at most 8 items'],
  ],
  [
    {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], hints: { forNodes: many(9, (i) => ({ name: `z${i}` })) } }],
    },
    ['endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items'],
  ],
  [
    {
      addressType: 'IPv4',
      ports: [
        { port: 0 },
        { port: 70000, name: '' },
        { name: 'A.', protocol: 'X', appProtocol: 'a b' },
        { name: 'a', protocol: '' },
        { name: 'a' },
      ],
    },
    [
      'ports[1].name: Duplicate value: ""',
      `ports[2].name: Invalid value: "A.": ${words.label}`,
      'ports[2].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
      `ports[2].appProtocol: Invalid value: "a b": ${words.namePart}`,
      'ports[4].name: Duplicate value: "a"',
    ],
  ],
  [
    { addressType: 'IPv4', ports: many(20001, (i) => ({ name: `p${i}` })) },
    ['ports: Too many: 20001: must have at most 20000 items'],
  ],
];

describe('creates', () => {
  for (const [body, errors] of creates) {
    it(`of ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [body: any, change: (object: any) => void, errors: string[]][] = [
  [
    { addressType: 'IPv4' },
    (s) => {
      s.addressType = 'IPv6';
    },
    ['addressType: Invalid value: null: field is immutable'],
  ],
  [
    { addressType: 'IPv4' },
    (s) => {
      s.addressType = '';
    },
    ['addressType: Required value', 'addressType: Invalid value: null: field is immutable'],
  ],
  [
    { addressType: 'IPv4' },
    (s) => {
      s.addressType = 'Odd';
    },
    [
      'addressType: Unsupported value: "Odd": supported values: "FQDN", "IPv4", "IPv6"',
      'addressType: Invalid value: null: field is immutable',
    ],
  ],
  [
    { addressType: 'IPv4', endpoints: [{ addresses: [] }] },
    (s) => {
      s.metadata.labels = { a: 'b' };
    },
    [],
  ],
  [
    { addressType: 'IPv4', endpoints: [{ addresses: [] }] },
    (s) => {
      s.endpoints.push({ addresses: ['x'] });
    },
    [`endpoints[1].addresses[0]: Invalid value: "x": ${words.ipForm}`, 'endpoints[0].addresses: Required value'],
  ],
  [
    { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }] },
    (s) => {
      s.endpoints = [{ addresses: [] }];
    },
    ['endpoints[0].addresses: Required value'],
  ],
  [
    { addressType: 'Odd' },
    (s) => {
      s.metadata.labels = { a: 'b' };
    },
    ['addressType: Unsupported value: "Odd": supported values: "FQDN", "IPv4", "IPv6"'],
  ],
  [
    { addressType: 'IPv4', endpoints: [{ addresses: many(101, (i) => `10.0.0.${i + 1}`) }] },
    (s) => {
      s.endpoints[0].nodeName = 'n';
    },
    ['endpoints[0].addresses: Too many: 101: must have at most 100 items'],
  ],
  [
    { addressType: 'IPv4', ports: [{ name: 'A.' }] },
    (s) => {
      s.metadata.labels = { a: 'b' };
    },
    [`ports[0].name: Invalid value: "A.": ${words.label}`],
  ],
];

describe('updates', () => {
  for (const [body, change, errors] of updates) {
    it(`of ${JSON.stringify(body).slice(0, 40)} by ${change}`, () =>
      assert.deepEqual(updated(path, body, change).errors, errors));
  }
});

describe('the topology of v1beta1', () => {
  const endpoint = { addresses: ['10.0.0.1'], deprecatedTopology: { rack: 'r1' } };

  it('is not written', () => {
    const made: any = created(path, { addressType: 'IPv4', endpoints: [endpoint] });
    assert.deepEqual(made.endpoints, [{ addresses: ['10.0.0.1'], conditions: {} }]);
    const { object } = updated(path, { addressType: 'IPv4' }, (slice) => {
      slice.endpoints = [structuredClone(endpoint)];
    });
    assert.equal(object.endpoints[0].deprecatedTopology, undefined);
  });
});
