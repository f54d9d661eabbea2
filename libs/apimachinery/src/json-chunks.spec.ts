import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseInChunks } from './json-chunks.js';
import { type DecodedJson, decodeJson, decodeJsonSteps } from './json-decode.js';

function run<T>(steps: Generator<undefined, T>): { value: T; pauses: number } {
  for (let pauses = 0; ; pauses += 1) {
    const { done, value } = steps.next();
    if (done) return { value, pauses };
  }
}

/** Small, so that all parts of small documents are large. */
const CHUNK = 16;
const filler = 'é"\\[{,:'.repeat(4);
const part: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('__proto__', filler, Array(9).fill('a,]')),
);
const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', '1', 'a'));
const large = fc.oneof(
  fc.array(part, { minLength: 1, maxLength: 5 }),
  fc.dictionary(key, part, { minKeys: 1, maxKeys: 5 }),
);
const document = fc.oneof(fc.array(fc.oneof(large, part), { maxLength: 4 }), fc.dictionary(key, large, { maxKeys: 4 }));

describe('JSON in chunks', () => {
  it('is what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(document, fc.constantFrom(undefined, 1), fc.boolean(), (data, space, padded) => {
        const text = JSON.stringify([data, filler], null, space);
        const body = Buffer.from(padded ? ` ${text}\n` : text);
        const expected = { value: JSON.parse(body.toString()), repeated: false };
        assert.deepEqual(run(parseInChunks(body, CHUNK)).value, expected);
      }),
      { numRuns: 150 },
    );
  });

  it('is refused where JSON.parse refuses it', () => {
    fc.assert(
      fc.property(document, fc.nat(), fc.constantFrom(...'{}[],:"0 x\\'), fc.boolean(), (data, place, char, insert) => {
        const text = JSON.stringify([data, filler]);
        // Near a bracket, a comma or a colon more often than not.
        const marks = [...text.matchAll(/[[\]{},:]/g)].map(({ index }) => index);
        const at = marks[place % marks.length]!;
        const broken = Buffer.from(text.slice(0, at) + char + text.slice(insert ? at : at + 1));
        let expected: DecodedJson | undefined;
        try {
          expected = decodeJson(broken);
        } catch {
          expected = undefined;
        }
        const found = run(parseInChunks(broken, CHUNK)).value;
        if (expected === undefined) assert.equal(found, undefined);
        else if (found !== undefined) {
          assert.deepEqual(found, { value: expected.value, repeated: expected.duplicates.length > 0 });
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('knows of keys that are repeated, in one chunk or in several, of small values or of large ones', () => {
    const twice = fc.tuple(key, part, part, fc.array(fc.tuple(key, part), { maxLength: 3 }));
    fc.assert(
      fc.property(twice, ([name, first, second, between]) => {
        const members = [[name, first], ...between, [name, second]] as const;
        const object = members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join();
        const body = Buffer.from(`[{${object}},"${'x'.repeat(CHUNK)}"]`);
        const expected = { value: JSON.parse(body.toString()), repeated: true };
        assert.deepEqual(run(parseInChunks(body, CHUNK)).value, expected);
      }),
      { numRuns: 150 },
    );
  });

  it('is refused where no comma is behind a large member', () => {
    for (const behind of [':', ':1', ' []', '{}', '"b"', '1', ' null', '["aaaaaaaaaaaaaaaaaaaaaaa"]', ',', ',,1']) {
      for (const text of [`[["aaaaaaaaaaaaaaaaaaaaaaa"]${behind}]`, `{"a":["aaaaaaaaaaaaaaaaaaaaaaa"]${behind}}`]) {
        assert.equal(run(parseInChunks(Buffer.from(text), CHUNK)).value, undefined, text);
      }
    }
  });

  it('pauses, and finds repeated keys', () => {
    const members = Array.from({ length: 100_000 }, (_, i) => `"k${i}":{"a":${i}}`);
    const body = Buffer.from(`{${members.join()},"k7":{"a":1,"a":2}}`);
    const { value, pauses } = run(decodeJsonSteps(body));
    assert.deepEqual(value.duplicates, ['duplicate field "k7"', 'duplicate field "k7.a"']);
    assert.deepEqual(value.duplicates, decodeJson(body).duplicates);
    assert.equal(JSON.stringify(value.value), JSON.stringify(JSON.parse(body.toString())));
    assert.ok(pauses > 40, `${pauses} pauses`);
  });

  it('pauses while it looks for what is wrong', () => {
    const steps = decodeJsonSteps(Buffer.from(`[${'1,'.repeat(500_000)}`));
    let pauses = 0;
    assert.throws(
      () => {
        while (!steps.next().done) pauses += 1;
      },
      { name: 'JsonSyntaxError', message: 'unexpected end of JSON input' },
    );
    assert.ok(pauses > 5, `${pauses} pauses`);
  });

  it('is refused when it is nested deeper than 10,000 levels', () => {
    const nested = (depth: number) => Buffer.from(`${'['.repeat(depth)}"${'x'.repeat(100_000)}"${']'.repeat(depth)}`);
    assert.throws(() => run(decodeJsonSteps(nested(10_001))), { code: 400, message: 'exceeded max depth' });
  });
});
