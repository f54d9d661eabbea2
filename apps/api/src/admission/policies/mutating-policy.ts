import type { CelAuthorizer, CelEnvironment } from '#cel';
import {
  applyConfigurationResult,
  jsonPatchResult,
  type MutatingAdmissionPolicy,
  type Mutation,
  mutationType,
} from '#kinds';
import { type CompiledExpression, compileExpression } from '../compiled-expression.js';
import { CompiledPolicy } from './compiled-policy.js';
import type { EvaluationLimits } from './evaluation-limits.js';
import { POLICY_BUDGET, type PolicyInputs } from './policy-evaluation.js';

/** What a mutation wants: a patch, or an object to merge. */
export type Change = { readonly patch: readonly unknown[] } | { readonly apply: Readonly<Record<string, unknown>> };

interface CompiledMutation {
  readonly isPatch: boolean;
  readonly expression: CompiledExpression;
}

/** A MutatingAdmissionPolicy with its expressions compiled. */
export class MutatingPolicy extends CompiledPolicy {
  /** Called again when others changed the object after it. */
  readonly isReinvoked: boolean;
  readonly mutations: readonly CompiledMutation[];

  constructor(policy: MutatingAdmissionPolicy) {
    super(policy);
    const { mutations = [], reinvocationPolicy } = policy.spec;
    const environment = { ...this.environment.environment, jsonPatch: true, resolveType: mutationType };
    this.isReinvoked = reinvocationPolicy === 'IfNeeded';
    this.mutations = mutations.map((mutation) => compileMutation(mutation, environment));
  }

  /** The change that a mutation asks for. An Error where the expression has no value; throws OutOfBudget. */
  change(
    { expression, isPatch }: CompiledMutation,
    inputs: PolicyInputs,
    authorizer: CelAuthorizer,
    { budget }: EvaluationLimits,
  ): Change | Error {
    if (expression.program instanceof Error) return expression.program;
    const result = this.evaluation(inputs, budget.part(POLICY_BUDGET), authorizer).evaluate(expression);
    if (result instanceof Error) return result;
    return isPatch
      ? { patch: result.value as readonly unknown[] }
      : { apply: result.value as Readonly<Record<string, unknown>> };
  }
}

function compileMutation(mutation: Mutation, environment: CelEnvironment): CompiledMutation {
  const isPatch = mutation.patchType === 'JSONPatch';
  const source = (isPatch ? mutation.jsonPatch : mutation.applyConfiguration)?.expression ?? '';
  return {
    isPatch,
    expression: compileExpression(source, environment, isPatch ? jsonPatchResult : applyConfigurationResult),
  };
}
