import assert from 'node:assert/strict';
import { cel, compileCel } from './index.js';

const environment = { variables: { claims: { type: cel.map(cel.string, cel.any) }, other: { type: cel.dyn } } };

describe('an expression', () => {
  const rows: [expression: string, reads: boolean][] = [
    ['claims.email', true],
    ['claims.?email.orValue("")', true],
    ['has(claims.email) ? "a" : "b"', true],
    ['[1].exists(x, claims.email == x)', true],
    ['{"a": claims.email}', true],
    ['claims["email"]', false],
    ['claims.email_verified', false],
    ['claims.a.email', false],
    ['other.email', false],
    ['"claims.email"', false],
  ];
  test.each(rows)('%s tells whether it reads claims.email', (expression, reads) => {
    assert.equal(compileCel(expression, environment).reads('claims', 'email'), reads);
  });

  test('ranges over any value only when it is made dynamic', () => {
    const message =
      "compilation failed: ERROR: <input>:1:7: expression of type 'any' cannot be range of a comprehension (must be list, map, or dynamic)\n | claims.l.all(x, x > 0)\n | ......^";
    assert.throws(() => compileCel('claims.l.all(x, x > 0)', environment), { message });
    const { value } = compileCel('dyn(claims.l).all(x, x > 0)', environment).evaluate(
      { claims: { l: [1, 2] } },
      { costLimit: 1000 },
    );
    assert.equal(value, true);
  });

  test('sees numbers of any value as doubles, however deep they are, and of dynamic ones as they are', () => {
    const variables = { claims: { n: 5, l: [1], m: { n: { n: 2 } } }, other: { n: 5 } };
    const value = (expression: string) =>
      compileCel(expression, environment).evaluate(variables, { costLimit: 1000 }).value;
    for (const read of ['claims.n', 'claims.l[0]', 'claims.m.n.n'])
      assert.equal(value(`type(${read}) == double`), true, read);
    assert.equal(value('type(other.n) == int'), true);
    assert.equal(value('claims.n == 5 && claims.n > 4 && 5 in [claims.n]'), true);
  });
});
