import { check } from './check/checker.js';
import { checkLiterals } from './check/literals.js';
import { estimateCost } from './cost/estimate.js';
import { dialectOf } from './dialect.js';
import { CelCompileError, CelInterrupted, CelRuntimeError } from './errors.js';
import { Frame } from './plan/frame.js';
import { type Planned, plan } from './plan/planner.js';
import type { CelCost, CelEnvironment, CelEvaluation, CelProgram } from './program.js';
import { type Expr, Operator, walk } from './syntax/ast.js';
import { parse } from './syntax/parser.js';
import { ErrorReport } from './syntax/source.js';
import { type CelType, declaredName, isDyn, sameType } from './type.js';
import { plainOf } from './values/plain.js';
import { EvaluationError, type Value } from './values/value.js';
import { bounded } from './values/work.js';

/**
 * Parses, checks and plans an expression. `expected` is the type that its result must have, or several of which it must
 * have one. Throws CelCompileError.
 */
export function compileCel(
  source: string,
  environment: CelEnvironment,
  expected?: CelType | readonly CelType[],
): CelProgram {
  const dialect = dialectOf(environment);
  const errors = new ErrorReport(source);
  const expr = parse(source, dialect, errors);
  check(expr, environment, dialect, errors);
  errors.throwIfAny();
  checkLiterals(expr, dialect.validateLiterals, errors);
  errors.throwIfAny();
  if (expected !== undefined) expectType(expr.type!, Array.isArray(expected) ? expected : [expected as CelType]);
  return new Program(source, expr, environment, plan(expr, environment, dialect));
}

/** In the words of the reference for policies. A result that only its value tells the type of can be used where dyn is expected. */
function expectType(type: CelType, expected: readonly CelType[]): void {
  if (expected.some((wanted) => isDyn(wanted) || sameType(wanted, type))) return;
  const wanted =
    expected.length === 1 ? declaredName(expected[0]!) : `one of [${expected.map(declaredName).join(' ')}]`;
  throw new CelCompileError(`must evaluate to ${wanted} but got ${declaredName(type)}`);
}

class Program implements CelProgram {
  readonly type: CelType;
  private cost: CelCost | undefined;

  constructor(
    readonly source: string,
    private readonly expr: Expr,
    private readonly environment: CelEnvironment,
    private readonly planned: Planned,
  ) {
    this.type = expr.type!;
  }

  get uses(): ReadonlySet<string> {
    return this.planned.uses;
  }

  reads(variable: string, field: string): boolean {
    let found = false;
    const isVariable = (expr?: Expr) => expr?.kind === 'ident' && expr.name === variable;
    walk(this.expr, (expr) => {
      if (expr.kind === 'select') found ||= expr.field === field && isVariable(expr.operand);
      if (expr.kind !== 'call' || expr.name !== Operator.optSelect) return;
      const [of, name] = expr.args;
      found ||= isVariable(of) && name?.kind === 'literal' && name.value === field;
    });
    return found;
  }

  estimatedCost(): CelCost {
    this.cost ??= estimateCost(this.expr, this.environment);
    return this.cost;
  }

  evaluate(variables: Readonly<Record<string, unknown>>, options: CelEvaluation): { value: unknown; cost: number } {
    return this.run(variables, options, plainOf);
  }

  evaluateRaw(variables: Readonly<Record<string, unknown>>, options: CelEvaluation): { value: unknown; cost: number } {
    return this.run(variables, options, (value) => value);
  }

  private run(
    variables: Readonly<Record<string, unknown>>,
    { costLimit, authorizer, signal }: CelEvaluation,
    show: (value: Value) => unknown,
  ): { value: unknown; cost: number } {
    if (signal?.aborted) throw new CelInterrupted();
    const frame = new Frame(variables, costLimit, this.planned.slots, authorizer);
    try {
      const value = bounded(() => show(this.planned.run(frame)));
      return { value, cost: frame.cost };
    } catch (thrown) {
      const error = runtimeError(thrown);
      error.cost = frame.cost;
      throw error;
    }
  }
}

function runtimeError(thrown: unknown): CelRuntimeError {
  if (thrown instanceof CelRuntimeError) return thrown;
  if (thrown instanceof EvaluationError) return new CelRuntimeError(thrown.message);
  // Too deep, or longer than the engine can hold.
  if (thrown instanceof RangeError) return new CelRuntimeError(`evaluation failed: ${thrown.message}`);
  throw thrown;
}
