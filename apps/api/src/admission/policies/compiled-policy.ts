import { type CelAuthorizer, cel } from '#cel';
import type { MatchCondition, MatchResources, ParamKind, Variable } from '#kinds';
import { type CompiledExpression, compileExpression } from '../compiled-expression.js';
import type { CostBudget } from './cost-budget.js';
import type { EvaluationLimits } from './evaluation-limits.js';
import { conditionsHold } from './policy-conditions.js';
import { type PolicyEnvironment, policyEnvironment } from './policy-environment.js';
import { CONDITIONS_BUDGET, PolicyEvaluation, type PolicyInputs } from './policy-evaluation.js';
import { PolicyMatch } from './policy-match.js';

/** What the specs of both kinds of policy have. */
export interface PolicyHead {
  readonly metadata: { readonly name?: string };
  readonly spec: {
    readonly failurePolicy?: string;
    readonly matchConditions?: readonly MatchCondition[];
    readonly matchConstraints?: MatchResources;
    readonly paramKind?: ParamKind;
    readonly variables?: readonly Variable[];
  };
}

/** The part of a policy that says what it is for; compiled once per change. */
export class CompiledPolicy {
  readonly name: string;
  readonly match: PolicyMatch;
  readonly paramKind: ParamKind | undefined;
  /** Errors refuse a request. */
  readonly failsClosed: boolean;
  protected readonly environment: PolicyEnvironment;
  private readonly conditions: readonly CompiledExpression[];

  constructor({ metadata, spec }: PolicyHead) {
    this.name = metadata.name!;
    this.match = new PolicyMatch(spec.matchConstraints ?? {});
    this.paramKind = spec.paramKind;
    this.failsClosed = spec.failurePolicy !== 'Ignore';
    this.environment = policyEnvironment(spec.paramKind !== undefined, spec.variables ?? []);
    this.conditions = (spec.matchConditions ?? []).map(({ expression = '' }) =>
      compileExpression(expression, this.environment.environment, cel.bool),
    );
  }

  /** Whether the match conditions hold; an Error where they do not tell. */
  async applies(
    inputs: PolicyInputs,
    authorizer: CelAuthorizer,
    { budget, time }: EvaluationLimits,
  ): Promise<boolean | Error> {
    if (this.conditions.length === 0) return true;
    return conditionsHold(this.conditions, this.evaluation(inputs, budget.part(CONDITIONS_BUDGET), authorizer), time);
  }

  protected evaluation(
    inputs: PolicyInputs,
    budget: CostBudget,
    authorizer: CelAuthorizer | undefined,
  ): PolicyEvaluation {
    return new PolicyEvaluation(this.environment, inputs, budget, authorizer);
  }
}
