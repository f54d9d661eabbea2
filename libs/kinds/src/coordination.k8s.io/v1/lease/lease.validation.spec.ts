import assert from 'node:assert/strict';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'coordination.k8s.io/v1/leases';

/** The errors are those that the reference gives for the same object. */
const creates: [body: any, errors: string[]][] = [
  [{ metadata: { name: 'A', finalizers: ['mine'] } }, [`metadata.name: Invalid value: "A": ${words.subdomain}`]],
  [
    { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } },
    [
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    { spec: { leaseDurationSeconds: -3, leaseTransitions: 0 } },
    ['spec.leaseDurationSeconds: Invalid value: -3: must be greater than 0'],
  ],
  [{ spec: { strategy: 'Odd', preferredHolder: 'x' } }, []],
  [{ spec: { preferredHolder: 'x' } }, []],
  [{ spec: { holderIdentity: '', leaseDurationSeconds: 1 } }, []],
];

describe('creates', () => {
  for (const [body, errors] of creates) {
    it(`of ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [body: any, change: (object: any) => void, errors: string[]][] = [
  [
    {},
    (l) => {
      l.spec.leaseDurationSeconds = 0;
      l.spec.leaseTransitions = -1;
    },
    [
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    { spec: { leaseTransitions: 5 } },
    (l) => {
      l.spec.leaseTransitions = 3;
      l.spec.preferredHolder = 'x';
    },
    [],
  ],
];

describe('updates', () => {
  for (const [body, change, errors] of updates) {
    it(`of ${JSON.stringify(body).slice(0, 40)} by ${change}`, () =>
      assert.deepEqual(updated(path, body, change).errors, errors));
  }
});
