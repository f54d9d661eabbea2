import { quote } from '#apimachinery';
import { type CelAuthorizer, CelCostExceeded, CelRuntimeError, lazyCelObject } from '#cel';
import type { CompiledExpression } from '../compiled-expression.js';
import type { CostBudget } from './cost-budget.js';
import type { PolicyEnvironment } from './policy-environment.js';

/** Units of cost for one expression, for all validations of a policy, and for its match conditions. */
const CALL_LIMIT = 1_000_000;
export const POLICY_BUDGET = 10_000_000;
export const CONDITIONS_BUDGET = 2_500_000;

/** Values of the variables of the environment, other than `variables`. */
export type PolicyInputs = Readonly<Record<string, unknown>>;

/**
 * Evaluates expressions of one policy about one request: its variables are computed once, and their cost counts, too.
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
export class PolicyEvaluation {
  private readonly inputs: PolicyInputs;

  constructor(
    private readonly environment: PolicyEnvironment,
    inputs: PolicyInputs,
    /** Also for other evaluations of the same policy. */
    readonly budget: CostBudget,
    private readonly authorizer: CelAuthorizer | undefined,
  ) {
    const variables = lazyCelObject(environment.variablesType, (name) => this.variable(name));
    this.inputs = { ...inputs, variables };
  }

  /** The value, or why there is none. Throws OutOfBudget. */
  evaluate({ expression, program }: CompiledExpression): { readonly value: unknown } | Error {
    if (program instanceof Error) return new Error(`compilation error: ${program.message}`);
    this.budget.check();
    try {
      const { value, cost } = program.evaluate(this.inputs, this.options());
      this.budget.spend(cost);
      return { value };
    } catch (error) {
      if (!(error instanceof CelRuntimeError)) throw error;
      this.budget.spend(error.cost);
      return new Error(`expression '${expression}' resulted in error: ${error.message}`);
    }
  }

  private variable(name: string): unknown {
    const { program } = this.environment.variables.get(name)!;
    const what = `composited variable ${quote(name)} fails to`;
    if (program instanceof Error) throw new CelRuntimeError(`${what} compile: ${program.message}`);
    try {
      const { value, cost } = program.evaluateRaw(this.inputs, this.options());
      this.budget.spend(cost);
      return value;
    } catch (error) {
      if (!(error instanceof CelRuntimeError) || error instanceof CelCostExceeded) throw error;
      this.budget.spend(error.cost);
      throw new CelRuntimeError(`${what} evaluate: ${error.message}`);
    }
  }

  private options() {
    return { costLimit: CALL_LIMIT, authorizer: this.authorizer };
  }
}
