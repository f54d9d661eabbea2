import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { CelCompileError, type CelProgram, CelRuntimeError, celTypeOfSchema, compileCel } from './index.js';
import { show } from './testing/show.js';
import type { Value } from './values/value.js';

/** Results, costs and estimates are those of cel-go with the environment of kube-apiserver 1.37 for new expressions. */
interface Row {
  readonly expr: string;
  /** Why it does not compile. */
  readonly error?: string;
  readonly type?: string;
  /** Why it has no value. */
  readonly fails?: string;
  readonly value?: string;
  readonly cost?: number;
  readonly min?: string;
  readonly max?: string;
}

interface Table {
  readonly schema: unknown;
  readonly object: unknown;
  readonly rows: readonly Row[];
}

const table = readFileSync(new URL('testing/expressions.json', import.meta.url), 'utf8');
const expressions = JSON.parse(table) as Table;
const self = celTypeOfSchema(expressions.schema)!;
const { rows } = expressions;
const compile = (expr: string) => compileCel(expr, { variables: { self: { type: self } } });

function evaluate(program: CelProgram): { value: string; cost: number } | { fails: string } {
  try {
    const { value, cost } = program.evaluateRaw({ self: expressions.object }, { costLimit: 1_000_000 });
    return { value: show(value as Value), cost };
  } catch (error) {
    assert.ok(error instanceof CelRuntimeError, String(error));
    return { fails: error.message };
  }
}

describe('expressions', () => {
  for (const row of rows.filter(({ error }) => error === undefined)) {
    it(`evaluates ${row.expr}`, () => {
      const program = compile(row.expr);
      const expected = row.fails === undefined ? { value: row.value, cost: row.cost } : { fails: row.fails };
      assert.deepEqual(evaluate(program), expected);
    });

    it(`estimates ${row.expr}`, () => {
      const { min, max } = compile(row.expr).estimatedCost();
      assert.deepEqual({ min: String(min), max: String(max) }, { min: row.min, max: row.max });
    });
  }

  for (const row of rows.filter(({ error }) => error !== undefined)) {
    it(`refuses ${row.expr}`, () => {
      assert.throws(
        () => compile(row.expr),
        (error: unknown) => {
          assert.ok(error instanceof CelCompileError, String(error));
          assert.equal(error.message.replace(/^compilation failed: /, ''), row.error);
          return true;
        },
      );
    });
  }
});
