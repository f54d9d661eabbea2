import assert from 'node:assert/strict';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'v1/serviceaccounts';

/** The errors are those that the reference gives for the same object. */
const creates: [body: any, errors: string[]][] = [
  [{ metadata: { name: 'A' } }, [`metadata.name: Invalid value: "A": ${words.subdomain}`]],
  [{ metadata: { name: 'a:b' } }, [`metadata.name: Invalid value: "a:b": ${words.subdomain}`]],
  [
    { metadata: { labels: { 'a b': '' } }, secrets: [{ name: '' }, { name: '-' }], imagePullSecrets: [{ name: '?' }] },
    [`metadata.labels: Invalid value: "a b": ${words.namePart}`],
  ],
];

describe('creates', () => {
  for (const [body, errors] of creates) {
    it(`of ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [body: any, change: (object: any) => void, errors: string[]][] = [
  [
    {},
    (s) => {
      s.secrets = [{ name: '' }];
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
