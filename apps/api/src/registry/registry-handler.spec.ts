import assert from 'node:assert/strict';
import { knownFailure } from './registry-handler.js';

const overflow = new RangeError('Maximum call stack size exceeded');

describe('a stack that overflows', () => {
  it('is the fault of a body that is nested deep', () => {
    const deep = Buffer.from(`${'{"a":['.repeat(400)}${']}'.repeat(400)}`);
    assert.equal(knownFailure(overflow, deep)?.code, 400);
  });

  it('is no fault of any other body', () => {
    assert.equal(knownFailure(overflow, Buffer.from(`["${'['.repeat(5000)}", ${'[],'.repeat(5000)}1]`)), undefined);
    assert.equal(knownFailure(overflow, { a: 1 }), undefined);
    assert.equal(knownFailure(overflow), undefined);
  });
});
