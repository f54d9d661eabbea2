import assert from 'node:assert/strict';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'v1/namespaces';
const long = (count: number, character = 'x') => character.repeat(count);

/** The errors are those that the reference gives for the same object. */
const creates: [body: any, errors: string[]][] = [
  [{ metadata: { name: 'a.b' } }, ['metadata.name: Invalid value: "a.b": must not contain dots']],
  [
    { metadata: { name: long(64) } },
    [
      `metadata.name: Invalid value: "${'x'.repeat(64)}": must be no more than 63 characters`,
      `metadata.labels: Invalid value: "${'x'.repeat(64)}": must be no more than 63 bytes`,
    ],
  ],
  [
    { spec: { finalizers: ['mine', 'a/b', 'orphan', 'foregroundDeletion', 'kubernetes'] } },
    [`spec.finalizers: Invalid value: "mine": ${words.standardFinalizer}`],
  ],
  [
    { spec: { finalizers: ['a b/c', ''] } },
    [
      `spec.finalizers: Invalid value: "a b/c": prefix part ${words.subdomain}`,
      'spec.finalizers: Invalid value: "": name part must be non-empty',
      `spec.finalizers: Invalid value: "": ${words.namePart}`,
      `spec.finalizers: Invalid value: "": ${words.standardFinalizer}`,
    ],
  ],
  [
    { metadata: { finalizers: ['kubernetes', 'mine'] } },
    [`metadata.finalizers[1]: Invalid value: "mine": ${words.standardFinalizer}`],
  ],
];

describe('creates', () => {
  for (const [body, errors] of creates) {
    it(`of ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [body: any, change: (object: any) => void, errors: string[], endpoint?: string][] = [
  [
    {},
    (n) => {
      n.status.phase = 'Terminating';
    },
    [`status.Phase: Invalid value: "Terminating": may only be 'Active' if \`deletionTimestamp\` is empty`],
    'status',
  ],
  [
    {},
    (n) => {
      n.status = {};
    },
    [],
    'status',
  ],
  [
    { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
    (n) => {
      n.status.phase = 'Active';
    },
    [`status.Phase: Invalid value: "Active": may only be 'Terminating' if \`deletionTimestamp\` is not empty`],
    'status',
  ],
  [
    { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
    (n) => {
      n.status.phase = 'Odd';
    },
    [`status.Phase: Invalid value: "Odd": may only be 'Terminating' if \`deletionTimestamp\` is not empty`],
    'status',
  ],
  [
    { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
    (n) => {
      n.status.phase = 'Terminating';
    },
    [],
    'status',
  ],
  [
    {},
    (n) => {
      n.spec.finalizers = ['mine', 'a b/c', ''];
    },
    [
      `spec.finalizers[0]: Invalid value: "mine": ${words.standardFinalizer}`,
      `spec.finalizers[1]: Invalid value: "a b/c": prefix part ${words.subdomain}`,
      'spec.finalizers[2]: Invalid value: "": name part must be non-empty',
      `spec.finalizers[2]: Invalid value: "": ${words.namePart}`,
      `spec.finalizers[2]: Invalid value: "": ${words.standardFinalizer}`,
    ],
    'finalize',
  ],
  [
    {},
    (n) => {
      n.spec.finalizers = ['mine'];
      n.status.phase = 'x';
    },
    [],
  ],
  [
    {},
    (n) => {
      n.spec.finalizers = [];
      n.status.phase = 'x';
    },
    [],
    'finalize',
  ],
  [
    { spec: { finalizers: ['mine'] } },
    (n) => {
      n.metadata.labels.a = 'b';
    },
    [`spec.finalizers: Invalid value: "mine": ${words.standardFinalizer}`],
  ],
  [
    { spec: { finalizers: ['mine'] } },
    (n) => {
      n.metadata.labels.a = 'b';
    },
    [`spec.finalizers[0]: Invalid value: "mine": ${words.standardFinalizer}`],
    'finalize',
  ],
];

describe('updates', () => {
  for (const [body, change, errors, endpoint] of updates) {
    it(`of ${JSON.stringify(body).slice(0, 40)} by ${change}${endpoint ? ` through ${endpoint}` : ''}`, () =>
      assert.deepEqual(updated(path, body, change, endpoint).errors, errors));
  }
});
