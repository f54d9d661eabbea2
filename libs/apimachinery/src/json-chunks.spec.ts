import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseInChunks } from './json-chunks.js';
import { decodeJson, decodeJsonSteps } from './json-decode.js';

function run<T>(steps: Generator<undefined, T>): { value: T; pauses: number } {
  for (let pauses = 0; ; pauses += 1) {
    const { done, value } = steps.next();
    if (done) return { value, pauses };
  }
}

/** Makes any part of a document large. */
const filler = 'é"\\[{,:'.repeat(6000);
const small = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant('__proto__'));
const part: fc.Arbitrary<unknown> = fc.oneof(small, fc.constant(filler), fc.constant(Array(9000).fill('a,]')));
const large = fc.oneof(
  fc.array(part, { minLength: 1, maxLength: 5 }),
  fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', '1', 'a')), part, { minKeys: 1, maxKeys: 5 }),
);
const document = fc.oneof(
  fc.array(fc.oneof(large, part), { maxLength: 4 }),
  fc.dictionary(fc.string(), large, { maxKeys: 4 }),
);

describe('JSON in chunks', () => {
  it('is what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(document, fc.constantFrom(undefined, 1), fc.boolean(), (data, space, padded) => {
        const text = JSON.stringify([data, filler], null, space);
        const body = Buffer.from(padded ? ` ${text}\n` : text);
        assert.deepEqual(run(parseInChunks(body)).value, { value: JSON.parse(body.toString()) });
      }),
      { numRuns: 200 },
    );
  });

  it('is refused where JSON.parse refuses it', () => {
    fc.assert(
      fc.property(document, fc.nat(), fc.constantFrom(...'{}[],:"0 x\\'), fc.boolean(), (data, place, char, insert) => {
        const text = JSON.stringify([data, filler]);
        // Near a bracket, a comma or a colon more often than not.
        const marks = [...text.matchAll(/[[\]{},:]/g)].map(({ index }) => index);
        const at = marks[place % marks.length]!;
        const broken = text.slice(0, at) + char + text.slice(insert ? at : at + 1);
        let expected: { value: unknown } | undefined;
        try {
          expected = { value: JSON.parse(broken) };
        } catch {
          expected = undefined;
        }
        const found = run(parseInChunks(Buffer.from(broken))).value;
        if (expected === undefined) assert.equal(found, undefined);
        else if (found !== undefined) assert.deepEqual(found, expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('pauses, and finds repeated keys', () => {
    const members = Array.from({ length: 100_000 }, (_, i) => `"k${i}":{"a":${i}}`);
    const body = Buffer.from(`{${members.join()},"k7":{"a":1,"a":2}}`);
    const { value, pauses } = run(decodeJsonSteps(body));
    assert.deepEqual(value, decodeJson(body));
    assert.ok(value.duplicates.includes('duplicate field "k7"'));
    assert.ok(pauses > 40, `${pauses} pauses`);
  });

  it('is refused when it is nested deeper than 10,000 levels', () => {
    const nested = (depth: number) => Buffer.from(`${'['.repeat(depth)}"${'x'.repeat(100_000)}"${']'.repeat(depth)}`);
    assert.throws(() => run(decodeJsonSteps(nested(10_001))), { code: 400, message: 'exceeded max depth' });
  });
});
