import assert from 'node:assert/strict';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'v1/endpoints';

/** The errors are those that the reference gives for the same object. */
const creates: [body: any, errors: string[]][] = [
  [{ metadata: { name: 'A' } }, [`metadata.name: Invalid value: "A": ${words.subdomain}`]],
  [{ subsets: [{}] }, [`subsets[0]: Required value: must specify \`addresses\` or \`notReadyAddresses\``]],
  [
    { subsets: [{ notReadyAddresses: [{ ip: 'x' }] }] },
    [
      `subsets[0].notReadyAddresses[0].ip: Invalid value: "x": ${words.ipForm}`,
      'subsets[0].notReadyAddresses[0].ip: Invalid value: "x": must be a valid IP address',
    ],
  ],
  [
    { subsets: [{ addresses: [{ ip: '' }] }] },
    [
      `subsets[0].addresses[0].ip: Invalid value: "": ${words.ipForm}`,
      'subsets[0].addresses[0].ip: Invalid value: "": must be a valid IP address',
    ],
  ],
  [
    {
      subsets: [
        { addresses: [{ ip: '010.0.0.1' }, { ip: '::ffff:10.0.0.1' }, { ip: 'fe80::1%eth0' }, { ip: '10.0.0.1/24' }] },
      ],
    },
    [
      'subsets[0].addresses[0].ip: Invalid value: "010.0.0.1": must not have leading 0s',
      'subsets[0].addresses[1].ip: Invalid value: "::ffff:10.0.0.1": must not be an IPv4-mapped IPv6 address',
      `subsets[0].addresses[2].ip: Invalid value: "fe80::1%eth0": ${words.ipForm}`,
      'subsets[0].addresses[2].ip: Invalid value: "fe80::1%eth0": must be a valid IP address',
      `subsets[0].addresses[3].ip: Invalid value: "10.0.0.1/24": ${words.ipForm}`,
      'subsets[0].addresses[3].ip: Invalid value: "10.0.0.1/24": must be a valid IP address',
    ],
  ],
  [
    {
      subsets: [
        {
          addresses: [
            '0.0.0.0',
            '::',
            '127.0.0.1',
            '127.1.2.3',
            '::1',
            '169.254.1.1',
            'fe80::1',
            'febf::1',
            '224.0.0.1',
            'ff02::1',
            'ff01::1',
            'ff12::1',
            '224.0.1.1',
            '0::0',
            '0:0:0:0:0:0:0:1',
            '::ffff:127.0.0.1',
            '::ffff:0:0',
            '0169.254.0.1',
          ].map((ip) => ({ ip })),
        },
      ],
    },
    [
      'subsets[0].addresses[0].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
      'subsets[0].addresses[1].ip: Invalid value: "::": may not be unspecified (::)',
      `subsets[0].addresses[2].ip: Invalid value: "127.0.0.1": ${words.loopback}`,
      `subsets[0].addresses[3].ip: Invalid value: "127.1.2.3": ${words.loopback}`,
      `subsets[0].addresses[4].ip: Invalid value: "::1": ${words.loopback}`,
      `subsets[0].addresses[5].ip: Invalid value: "169.254.1.1": ${words.linkLocal}`,
      `subsets[0].addresses[6].ip: Invalid value: "fe80::1": ${words.linkLocal}`,
      `subsets[0].addresses[7].ip: Invalid value: "febf::1": ${words.linkLocal}`,
      `subsets[0].addresses[8].ip: Invalid value: "224.0.0.1": ${words.linkLocalMulticast}`,
      `subsets[0].addresses[9].ip: Invalid value: "ff02::1": ${words.linkLocalMulticast}`,
      `subsets[0].addresses[11].ip: Invalid value: "ff12::1": ${words.linkLocalMulticast}`,
      'subsets[0].addresses[13].ip: Invalid value: "0::0": may not be unspecified (0::0)',
      `subsets[0].addresses[14].ip: Invalid value: "0:0:0:0:0:0:0:1": ${words.loopback}`,
      'subsets[0].addresses[15].ip: Invalid value: "::ffff:127.0.0.1": must not be an IPv4-mapped IPv6 address',
      `subsets[0].addresses[15].ip: Invalid value: "::ffff:127.0.0.1": ${words.loopback}`,
      'subsets[0].addresses[16].ip: Invalid value: "::ffff:0:0": must not be an IPv4-mapped IPv6 address',
      'subsets[0].addresses[16].ip: Invalid value: "::ffff:0:0": may not be unspecified (::ffff:0:0)',
      'subsets[0].addresses[17].ip: Invalid value: "0169.254.0.1": must not have leading 0s',
      `subsets[0].addresses[17].ip: Invalid value: "0169.254.0.1": ${words.linkLocal}`,
    ],
  ],
  [
    {
      subsets: [
        {
          addresses: [
            { ip: '10.0.0.1', hostname: 'A.b', nodeName: 'N_' },
            { ip: '10.0.0.2', nodeName: '' },
          ],
        },
      ],
    },
    [
      `subsets[0].addresses[0].hostname: Invalid value: "A.b": ${words.label}`,
      `subsets[0].addresses[0].nodeName: Invalid value: "N_": ${words.subdomain}`,
      `subsets[0].addresses[1].nodeName: Invalid value: "": ${words.subdomain}`,
    ],
  ],
  [
    {
      subsets: [
        {
          addresses: [{ ip: '10.0.0.1' }],
          ports: [
            { port: 0 },
            { port: 65536, name: 'A.', protocol: 'X', appProtocol: 'a b' },
            { port: 1, name: 'ok', appProtocol: '' },
          ],
        },
      ],
    },
    [
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      `subsets[0].ports[1].name: Invalid value: "A.": ${words.label}`,
      'subsets[0].ports[1].port: Invalid value: 65536: must be between 1 and 65535, inclusive',
      'subsets[0].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
      `subsets[0].ports[1].appProtocol: Invalid value: "a b": ${words.namePart}`,
      'subsets[0].ports[2].appProtocol: Invalid value: "": name part must be non-empty',
      `subsets[0].ports[2].appProtocol: Invalid value: "": ${words.namePart}`,
    ],
  ],
  [
    {
      subsets: [
        { addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 1 }] },
        {
          addresses: [{ ip: '10.0.0.1' }],
          ports: [
            { port: 1, name: 'a' },
            { port: 1, name: 'a' },
          ],
        },
      ],
    },
    [],
  ],
  [{ subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 1, appProtocol: 'kubernetes.io/h2c' }] }] }, []],
];

describe('creates', () => {
  for (const [body, errors] of creates) {
    it(`of ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [body: any, change: (object: any) => void, errors: string[]][] = [
  [
    { subsets: [{}] },
    (e) => {
      e.metadata.labels = { a: 'b' };
    },
    [],
  ],
  [
    { subsets: [{}] },
    (e) => {
      e.subsets.push({});
    },
    [
      `subsets[0]: Required value: must specify \`addresses\` or \`notReadyAddresses\``,
      `subsets[1]: Required value: must specify \`addresses\` or \`notReadyAddresses\``,
    ],
  ],
  [
    {},
    (e) => {
      e.subsets = [{ addresses: [{ ip: 'x' }] }];
    },
    [
      `subsets[0].addresses[0].ip: Invalid value: "x": ${words.ipForm}`,
      'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address',
    ],
  ],
];

describe('updates', () => {
  for (const [body, change, errors] of updates) {
    it(`of ${JSON.stringify(body).slice(0, 40)} by ${change}`, () =>
      assert.deepEqual(updated(path, body, change).errors, errors));
  }
});
