import assert from 'node:assert/strict';
import { expand } from './expand.js';

const lookup = (name: string) => ({ A: '1', EMPTY: '' })[name];

for (const [text, expected] of [
  ['plain', 'plain'],
  ['$(A)', '1'],
  ['x$(A)y$(A)', 'x1y1'],
  ['$(EMPTY)', ''],
  ['$(NONE)', '$(NONE)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$(A', '$(A'],
  ['$A', '$A'],
  ['end$', 'end$'],
] as const) {
  test(`${text} becomes ${expected}`, () => assert.equal(expand(text, lookup), expected));
}
