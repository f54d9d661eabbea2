import { aggregateMessages } from '#apimachinery';
import { CelCostExceeded, cel } from '#cel';
import { type MatchCondition, storedAdmissionEnvironment } from '#kinds';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { AdmissionRequest } from '../admission-request.js';
import { type CompiledExpression, compileExpression } from '../compiled-expression.js';
import { expressionAuthorizer } from './expression-authorizer.js';
import type { ReviewRequest } from './review-request.js';

/** Units of cost that all conditions of a webhook may use for one object. */
const COST_BUDGET = 2_500_000;
/** And one of them. */
const COST_LIMIT = 1_000_000;

export function compileConditions(conditions: readonly MatchCondition[]): CompiledExpression[] {
  return conditions.map(({ expression = '' }) =>
    compileExpression(expression.trim(), storedAdmissionEnvironment, cel.bool),
  );
}

/** False as soon as one condition is; an Error where none is false and some have no value, or all together take too long. */
export function evaluateConditions(
  conditions: readonly CompiledExpression[],
  review: ReviewRequest,
  request: AdmissionRequest,
  authorizer: Authorizer,
): boolean | Error {
  const { object, oldObject, uid: _, ...shown } = review;
  const variables = { object, oldObject, namespaceObject: null, request: shown };
  const asked = expressionAuthorizer(authorizer, request);
  const errors: string[] = [];
  let budget = COST_BUDGET;
  for (const { program, expression } of conditions) {
    if (program instanceof Error) {
      errors.push(`compilation error: ${program.message}`);
      continue;
    }
    try {
      const options = { costLimit: COST_LIMIT, signal: request.signal, authorizer: asked };
      const { value, cost } = program.evaluate(variables, options);
      budget -= cost;
      if (budget >= 0 && value !== true) return false;
    } catch (error) {
      if (error instanceof CelCostExceeded) budget -= COST_LIMIT;
      errors.push(`expression '${expression}' resulted in error: ${(error as Error).message}`);
    }
    if (budget < 0) {
      return new Error('validation failed due to running out of cost budget, no further validation rules will be run');
    }
  }
  return errors.length === 0 ? true : new Error(aggregateMessages(errors));
}
