import assert from 'node:assert/strict';
import { applyJsonPatch } from './json-patch.js';
import type { StatusError } from './status.js';

describe('a JSON patch that does not fit', () => {
  it.each([
    [{ op: 'remove', path: '/a/x' }, 'remove operation does not apply: doc is missing path: "/a/x": missing value'],
    [{ op: 'test', path: '/a', value: 2 }, 'testing value "/a" failed: test failed'],
    [{ op: 'add', path: 'a' }, 'add operation does not apply: doc is missing path: "a": bad path'],
    [{ op: { toString: 1 }, path: { valueOf: 1 } }, /^\{"toString":1\} operation does not apply/],
  ])('%j is a 422 that has the reason for its cause', (operation, reason) => {
    assert.throws(
      () => applyJsonPatch({ a: 1 }, [operation]),
      (error: StatusError) => {
        assert.equal(error.code, 422);
        assert.match(error.message, /^the server rejected our request/);
        const { message } = error.cause as Error;
        if (typeof reason === 'string') assert.equal(message, reason);
        else assert.match(message, reason);
        return true;
      },
    );
  });
});
