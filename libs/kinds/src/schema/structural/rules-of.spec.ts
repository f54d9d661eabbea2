import assert from 'node:assert/strict';
import { fieldErrorText, type KubeObject } from '#apimachinery';
import { Correlation } from './correlation.js';
import { rulesOf } from './rules-of.js';
import { Structural, type StructuralSchema } from './structural.js';

const integer = { type: 'integer' };
const text = { type: 'string', maxLength: 10 };

function check(spec: StructuralSchema, value: unknown, old?: unknown) {
  const root = Structural.root({ type: 'object', properties: { spec } });
  const object = { spec: value } as unknown as KubeObject;
  const before = old === undefined ? undefined : { spec: old };
  const warnings: string[] = [];
  const correlation = before && new Correlation(object, before, root, true);
  const errors = rulesOf(root)!.validate(object, before, { correlation, warn: (line) => warnings.push(line) });
  return { errors: errors.map(fieldErrorText), warnings };
}

describe('rules of a schema', () => {
  it('are none where the schema has none', () => {
    assert.equal(rulesOf(Structural.root({ type: 'object', properties: { spec: integer } })), undefined);
  });

  it('tell what they do not hold for, with their message and reason, where they say so', () => {
    const rule = (more: object) => ({
      type: 'object',
      properties: { a: integer },
      'x-kubernetes-validations': [{ rule: 'self.a > 1', ...more }],
    });
    assert.deepEqual(check(rule({}), { a: 2 }).errors, []);
    for (const [more, error] of [
      [{}, 'spec: Invalid value: failed rule: self.a > 1'],
      [{ message: ' too few ' }, 'spec: Invalid value: too few'],
      [{ messageExpression: '"has " + string(self.a)' }, 'spec: Invalid value: has 1'],
      [{ messageExpression: '""', message: 'too few' }, 'spec: Invalid value: too few'],
      [{ messageExpression: 'string(1 / (self.a - 1))', message: 'too few' }, 'spec: Invalid value: too few'],
      [{ fieldPath: '.a' }, 'spec.a: Invalid value: failed rule: self.a > 1'],
      [{ reason: 'FieldValueForbidden' }, 'spec: Forbidden: failed rule: self.a > 1'],
      [{ reason: 'FieldValueRequired' }, 'spec: Required value: failed rule: self.a > 1'],
    ] as const) {
      assert.deepEqual(check(rule(more), { a: 1 }).errors, [error]);
    }
    assert.deepEqual(
      check({ ...integer, 'x-kubernetes-validations': [{ rule: 'self > 1', reason: 'FieldValueDuplicate' }] }, 1)
        .errors,
      ['spec: Duplicate value: 1'],
    );
  });

  it('hold at every value of lists and maps', () => {
    const small = { ...integer, 'x-kubernetes-validations': [{ rule: 'self < 3' }] };
    const errors = check(
      { type: 'object', additionalProperties: { type: 'array', items: small } },
      { a: [1, 5], b: [7] },
    ).errors;
    assert.deepEqual(errors, [
      'spec[a][1]: Invalid value: 5: failed rule: self < 3',
      'spec[b][0]: Invalid value: 7: failed rule: self < 3',
    ]);
  });

  it('tell of evaluations that fail', () => {
    const rules = [{ rule: '1 / self > 0' }, { rule: 'self.foo > 1' }];
    const { errors } = check({ ...integer, 'x-kubernetes-validations': rules }, 0);
    assert.equal(errors[0], 'spec: Invalid value: "integer": division by zero evaluating rule: 1 / self > 0');
    assert.match(
      errors[1]!,
      /^spec: Invalid value: "integer": rule compile error: compilation failed: ERROR: <input>:1:5:/,
    );
  });

  it('compare with the old value, where there is one', () => {
    const grows = { ...integer, 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] };
    assert.deepEqual(check(grows, 1).errors, []);
    assert.deepEqual(check(grows, 1, 2).errors, ['spec: Invalid value: 1: failed rule: self >= oldSelf']);
    const optional = [{ rule: 'oldSelf.hasValue() || self == 1', optionalOldSelf: true }];
    assert.deepEqual(check({ ...integer, 'x-kubernetes-validations': optional }, 2).errors.length, 1);
    assert.deepEqual(check({ ...integer, 'x-kubernetes-validations': optional }, 2, 3).errors, []);
  });

  it('find the old item of a list by its keys', () => {
    const items = {
      type: 'object',
      properties: { name: text, n: integer },
      'x-kubernetes-validations': [{ rule: 'self.n >= oldSelf.n' }],
    };
    const list = { type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
    const old = [
      { name: 'a', n: 1 },
      { name: 'b', n: 5 },
    ];
    assert.deepEqual(
      check(
        list,
        [
          { name: 'b', n: 4 },
          { name: 'c', n: 0 },
          { name: 'a', n: 1 },
        ],
        old,
      ).errors,
      ['spec[0]: Invalid value: failed rule: self.n >= oldSelf.n'],
    );
  });

  it('warn of what is unchanged', () => {
    const odd = { ...integer, 'x-kubernetes-validations': [{ rule: 'self % 2 == 1' }] };
    const spec = { type: 'object', properties: { a: odd, b: odd } };
    assert.deepEqual(check(spec, { a: 2, b: 4 }, { a: 2, b: 6 }), {
      errors: ['spec.b: Invalid value: 4: failed rule: self % 2 == 1'],
      warnings: ['spec.a: Invalid value: 2: failed rule: self % 2 == 1'],
    });
  });

  it('stop at their limits', () => {
    const long = { type: 'array', items: integer };
    const value = Array.from({ length: 2000 }, (_, i) => i);
    const rule = { rule: 'self.all(x, self.all(y, self.all(z, x + y + z >= 0)))' };
    assert.deepEqual(check({ ...long, 'x-kubernetes-validations': [rule, { rule: 'false' }] }, value).errors, [
      `spec: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${rule.rule}`,
    ]);
    const costly = { rule: 'self.all(x, self.all(y, y >= 0 || x > 0 || self[y] > x))' };
    const shorter = value.slice(0, 300);
    const many = Array.from({ length: 40 }, () => costly);
    const { errors } = check({ ...long, 'x-kubernetes-validations': [...many, { rule: 'false' }] }, shorter);
    assert.deepEqual(errors, [
      'spec: Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run',
    ]);
  });

  it('do not break over a value of another type than the schema has', () => {
    const spec = { ...text, 'x-kubernetes-validations': [{ rule: 'self.matches("^a")' }] };
    assert.equal(check(spec, 5).errors.length, 1);
  });
});
