import assert from 'node:assert/strict';
import fc from 'fast-check';
import { IndexSet } from './completion-indexes.js';

const indexes = fc.uniqueArray(fc.nat(40));
const ALL = 100;

describe('completion indexes', () => {
  const texts: [indexes: number[], text: string][] = [
    [[], ''],
    [[3], '3'],
    [[0, 1], '0,1'],
    [[0, 2, 3, 4, 7], '0,2-4,7'],
  ];
  for (const [list, text] of texts) {
    it(`writes [${list}] as "${text}"`, () => assert.equal(IndexSet.of(list).toString(), text));
  }

  it('leaves out what is no number, and what is beyond the completions', () => {
    assert.equal(IndexSet.parse('0,x,2-5', 5).toString(), '0,2-4');
    assert.equal(IndexSet.parse('7,9-12', 7).toString(), '');
  });

  it('are a set', () => {
    fc.assert(
      fc.property(indexes, indexes, fc.nat(45), (a, b, n) => {
        const [one, two] = [IndexSet.of(a), IndexSet.of(b)];
        assert.deepEqual(IndexSet.parse(one.toString(), ALL).toString(), one.toString());
        assert.equal(one.size, a.length);
        assert.equal(one.has(n), a.includes(n));
        assert.equal(one.union(two).size, new Set([...a, ...b]).size);
        assert.equal(one.overlap(two), a.filter((index) => b.includes(index)).length);
        const free = Array.from({ length: 45 }, (_, index) => index).filter((index) => !a.includes(index));
        assert.deepEqual(one.missing(n, 45), free.slice(0, n));
      }),
    );
  });
});
