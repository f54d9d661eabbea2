import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CelCompileError, CelRuntimeError, cel, compileCel } from './index.js';

const variables = {
  x: { type: cel.int },
  s: { type: cel.string },
  list: { type: cel.list(cel.int) },
  any: { type: cel.dyn },
};
const values = { x: 3, s: 'héllo', list: [1, 2, 3], any: { a: [1, 'b', { c: null }], n: 1.5, __proto__: null } };
const COST_LIMIT = 20_000;
/** One call that is charged when its result is known: it makes at most as much as its arguments hold. */
const OVERSHOOT = 1_100_000;

/** Expressions that are mostly well-formed and often have a type error. */
const expressions = fc.letrec<{ expr: string }>((tie) => ({
  expr: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      'x',
      's',
      'list',
      'any',
      '1',
      '2u',
      '-1',
      '1.5',
      "'a'",
      "b'b'",
      'true',
      'null',
      '[]',
      '{}',
      'any.a',
      'any.n',
    ),
    fc
      .tuple(
        tie('expr'),
        fc.constantFrom('+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '&&', '||', 'in'),
        tie('expr'),
      )
      .map((parts) => parts.join(' ')),
    tie('expr').map((expr) => `(${expr})`),
    tie('expr').map((expr) => `!(${expr})`),
    fc.tuple(tie('expr'), tie('expr'), tie('expr')).map(([a, b, c]) => `(${a}) ? ${b} : ${c}`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `[${a}, ${b}]`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `{${a}: ${b}}`),
    fc
      .tuple(tie('expr'), fc.constantFrom('all', 'exists', 'exists_one', 'map', 'filter'), tie('expr'))
      .map(([a, macro, b]) => `(${a}).${macro}(x, ${b})`),
    fc
      .tuple(
        fc.constantFrom(
          'size',
          'string',
          'int',
          'dyn',
          'type',
          'double',
          'uint',
          'lists.range',
          'optional.of',
          'quantity',
          'ip',
          'url',
          'semver',
          'duration',
          'timestamp',
        ),
        tie('expr'),
      )
      .map(([f, a]) => `${f}(${a})`),
    fc
      .tuple(
        tie('expr'),
        fc.constantFrom(
          'a',
          '?a',
          'size()',
          'sum()',
          'distinct()',
          'sort()',
          'reverse()',
          'flatten()',
          "split('')",
          'lowerAscii()',
          "replace('', s)",
          'format([x, s])',
          "matches('(a*)*b')",
          'orValue(1)',
          'max()',
        ),
      )
      .map(([a, f]) => `(${a}).${f}`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `(${a})[${b}]`),
  ),
})).expr;

/** Compiles and evaluates; what happens is a value, or one of the errors that callers expect. */
function tryOut(source: string): void {
  try {
    const program = compileCel(source, { variables, version: 'stored' });
    const { min, max } = program.estimatedCost();
    assert.ok(min <= max, `${source}: ${min} > ${max}`);
    const { cost } = program.evaluate(values, { costLimit: COST_LIMIT });
    assert.ok(cost <= COST_LIMIT, `${source}: ${cost}`);
  } catch (error) {
    if (error instanceof CelCompileError) return;
    if (!(error instanceof CelRuntimeError)) throw new Error(`${source}: ${(error as Error).stack}`);
    assert.ok(error.cost <= COST_LIMIT + OVERSHOOT, `${source}: ${error.cost}`);
  }
}

describe('any expression', () => {
  it('has a value, or an error that says why', () => {
    fc.assert(
      fc.property(expressions, (source) => tryOut(source)),
      { numRuns: 3000 },
    );
  });

  it('may be no expression at all', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: 'binary' }), (text) => tryOut(text)),
      { numRuns: 2000 },
    );
    const pieces = fc.array(
      fc.constantFrom(
        'a',
        '.',
        '(',
        ')',
        '[',
        ']',
        '{',
        '}',
        '?',
        ':',
        ',',
        '"',
        "'",
        '\\',
        '`',
        '-',
        '!',
        '&&',
        '1',
        '0x',
        'r',
        'b',
        '\n',
        '//',
        '🐱',
      ),
    );
    fc.assert(
      fc.property(pieces, (parts) => tryOut(parts.join(''))),
      { numRuns: 2000 },
    );
  });

  const deep: [string, string][] = [
    ['parentheses', `${'('.repeat(5000)}1${')'.repeat(5000)}`],
    ['lists', '['.repeat(5000) + ']'.repeat(5000)],
    ['maps', `${'{1:'.repeat(5000)}1${'}'.repeat(5000)}`],
    ['a chain of fields', `any${'.a'.repeat(5000)}`],
    ['a chain of indexes', `any${'[0]'.repeat(5000)}`],
    ['sums', '1'.concat(' + 1'.repeat(5000))],
    ['conditions', `${'true ? 1 : '.repeat(5000)}1`],
    ['calls', `${'size('.repeat(5000)}s${')'.repeat(5000)}`],
    ['macros', `${'[1].map(a, '.repeat(500)}1${')'.repeat(500)}`],
  ];
  for (const [what, source] of deep) {
    it(`is refused when it is too deep: ${what}`, () => {
      assert.throws(
        () => compileCel(source, { variables }),
        (error: unknown) => {
          assert.ok(error instanceof CelCompileError, String(error));
          assert.match(error.message, /recursion (?:limit|depth) exceeded/);
          return true;
        },
      );
    });
  }

  it('takes a long chain of conditions, which makes a shallow tree', () => {
    tryOut(Array(5000).fill('x == 3').join(' && '));
  });

  it('is refused when it is too long', () => {
    assert.throws(
      () => compileCel(`'${'a'.repeat(100_001)}'`, { variables }),
      /expression code point size exceeds limit/,
    );
  });

  const hungry: [string, string][] = [
    ['a list of all numbers', 'lists.range(1000000).map(i, i).size()'],
    ['nested loops', 'lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, true)))'],
    [
      'a list of lists of lists, compared',
      `${'[1]'.concat('.map(v, [v, v])'.repeat(30))} == ${'[1]'.concat('.map(v, [v, v])'.repeat(30))}`,
    ],
    ['a text that doubles', `['a']${'.map(t, t + t)'.repeat(60)}`],
    ['a text that is replaced by itself', `[s]${".map(t, t.replace('', t))".repeat(12)}`],
    ['sorting', 'lists.range(100000).sort().size()'],
  ];
  for (const [what, source] of hungry) {
    it(`is stopped when it costs too much: ${what}`, () => {
      const program = compileCel(source, { variables });
      assert.throws(() => program.evaluate(values, { costLimit: 1_000_000 }), CelRuntimeError);
    });
  }

  it('finds no member of a prototype', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      const { value } = compileCel(`has(any.${key}) || '${key}' in any`, { variables }).evaluate(
        { any: { a: 1 } },
        { costLimit: 1000 },
      );
      assert.equal(value, false, key);
    }
  });

  it('makes members with any name', () => {
    const { value } = compileCel("{'__proto__': 1}", { variables }).evaluate({}, { costLimit: 1000 });
    assert.deepEqual(Object.keys(value as object), ['__proto__']);
  });
});
