import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bare, deepCopy, deepEqual, deepFreeze, ownValue, pruneNulls, semanticEqual, setOwn } from './json.js';
import { decodeJson, strictErrors } from './json-decode.js';
import { goSyntaxMessage } from './json-syntax.js';

test('a copy is equal and shares nothing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const before = JSON.stringify(value);
      const copy = deepCopy(deepFreeze(value));
      assert.equal(JSON.stringify(copy), before);
      assert.ok(deepEqual(value, copy));
      if (typeof copy === 'object' && copy !== null) assert.ok(!Object.isFrozen(copy));
    }),
  );
});

test('equality agrees with canonical JSON', () => {
  const tree = fc.jsonValue({ maxDepth: 2 });
  fc.assert(
    fc.property(tree, tree, (a, b) => {
      assert.equal(deepEqual(a, b), canonical(a) === canonical(b));
    }),
  );
});

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : Object.is(item, -0)
        ? 0
        : item,
  );
}

test('a __proto__ key is data', () => {
  const value = JSON.parse('{"__proto__":{"a":1}}');
  assert.equal(JSON.stringify(deepCopy(value)), '{"__proto__":{"a":1}}');
});

test('absent, null and empty are semantically the same', () => {
  assert.ok(semanticEqual({ a: {}, b: [] }, { c: null }));
  assert.ok(semanticEqual(undefined, { a: null }) === false);
  assert.ok(!semanticEqual({ a: [1] }, {}));
  assert.ok(!deepEqual({ a: {} }, {}));
  assert.ok(deepEqual({ a: undefined }, {}));
});

test('null members go, null elements stay', () => {
  assert.deepEqual(pruneNulls({ a: null, b: { c: null, d: [null, { e: null }] } }), { b: { d: [null, {}] } });
});

test('duplicate keys are found with their paths', () => {
  const text = '{"spec":{"x":1,"x":{"y:":"\\"}"},"l":[{},{"a":1,"\\u0061":2}]},"spec":{}}';
  assert.deepEqual(decodeJson(Buffer.from(text)).duplicates, [
    'duplicate field "spec.x"',
    'duplicate field "spec.l[1].a"',
    'duplicate field "spec"',
  ]);
  assert.deepEqual(decodeJson(Buffer.from('{"a":{"b":":"},"c":[{"b":1}]}')).duplicates, []);
});

test('no duplicates are seen where there are none', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const decoded = decodeJson(Buffer.from(JSON.stringify(value)));
      assert.deepEqual(decoded.duplicates, []);
    }),
  );
});

test('strict errors come in the order of the text, none from below unknown fields', () => {
  const cases: [text: string, unknown: string[], errors: string[]][] = [
    [
      '{"spec":{"unknownField":"x","replicas":1,"replicas":2}}',
      ['spec.unknownField'],
      ['unknown field "spec.unknownField"', 'duplicate field "spec.replicas"'],
    ],
    ['{"a":1,"a":2}', [], ['duplicate field "a"']],
    [
      '{"a":1,"a":2,"u":{"b":1,"b":2},"u":[{"c":1,"c":2}],"l":[{"x":1}]}',
      ['u', 'l[0].x'],
      ['duplicate field "a"', 'unknown field "u"', 'unknown field "l[0].x"'],
    ],
  ];
  for (const [text, unknown, errors] of cases) {
    const body = Buffer.from(text);
    assert.deepEqual(strictErrors(body, decodeJson(body).duplicates, unknown), errors);
  }
});

test('syntax errors are told in the words of Go', () => {
  const cases: [string, string][] = [
    ['', 'unexpected end of JSON input'],
    ['{"a":', 'unexpected end of JSON input'],
    ['x', "invalid character 'x' looking for beginning of value"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['tru', 'unexpected end of JSON input'],
    ['trux', "invalid character 'x' in literal true (expecting 'e')"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['\x1f', "invalid character '\\x1f' looking for beginning of value"],
    ['-a', "invalid character 'a' in numeric literal"],
    ['1.a', "invalid character 'a' after decimal point in numeric literal"],
    ['01', "invalid character '1' after top-level value"],
  ];
  for (const [text, message] of cases) assert.equal(goSyntaxMessage(text), message, text);
});

test('a syntax error is found where JSON.parse finds one, and nowhere else', () => {
  const text = fc.oneof(
    fc.json(),
    fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[],:"0 x\\-.e\n')).map(([json, place, char]) => {
      const at = place % json.length;
      return json.slice(0, at) + char + json.slice(at + 1);
    }),
  );
  fc.assert(
    fc.property(text, (json) => {
      let valid = true;
      try {
        JSON.parse(json);
      } catch {
        valid = false;
      }
      assert.equal(goSyntaxMessage(json) === undefined, valid, json);
    }),
    { numRuns: 1000 },
  );
  assert.equal(goSyntaxMessage('['.repeat(10_001)), 'exceeded max depth');
});

describe('members that every object inherits', () => {
  const names = Object.getOwnPropertyNames(Object.prototype);

  it('are not there until they are written, and then are like any other', () => {
    const object: Record<string, unknown> = {};
    for (const name of names) {
      assert.equal(ownValue(object, name), undefined, name);
      setOwn(object, name, `of ${name}`);
      assert.equal(ownValue(object, name), `of ${name}`);
    }
    assert.deepEqual(Object.keys(object).sort(), [...names].sort());
    assert.equal(Object.getPrototypeOf(object), Object.prototype);
    assert.equal(ownValue(undefined, 'constructor'), undefined);
  });

  it('are in no table that does not have them', () => {
    const table = bare({ a: 1 });
    for (const name of names) assert.equal(table[name], undefined, name);
    assert.equal(table['a'], 1);
    const own = bare(JSON.parse('{"__proto__":{"b":1},"constructor":2}') as Record<string, unknown>);
    assert.deepEqual(Object.entries(own), [
      ['__proto__', { b: 1 }],
      ['constructor', 2],
    ]);
    assert.equal(own['b'], undefined);
  });
});
