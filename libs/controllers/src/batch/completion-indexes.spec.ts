import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatIndexes, parseIndexes } from './completion-indexes.js';

describe('completion indexes', () => {
  const cases: [indexes: number[], text: string][] = [
    [[], ''],
    [[3], '3'],
    [[0, 1], '0,1'],
    [[0, 2, 3, 4, 7], '0,2-4,7'],
  ];
  for (const [indexes, text] of cases) {
    it(`writes [${indexes}] as "${text}"`, () => assert.equal(formatIndexes(new Set(indexes)), text));
  }

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(50)), (indexes) => {
        assert.deepEqual(
          [...parseIndexes(formatIndexes(new Set(indexes)))],
          indexes.sort((a, b) => a - b),
        );
      }),
    );
  });
});
