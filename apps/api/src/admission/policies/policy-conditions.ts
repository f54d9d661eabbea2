import { aggregateMessages } from '#apimachinery';
import type { CompiledExpression } from '../compiled-expression.js';
import { OutOfBudget } from './cost-budget.js';
import type { EvaluationTime } from './evaluation-time.js';
import type { PolicyEvaluation } from './policy-evaluation.js';

/** False as soon as one condition is; an Error where none is false and some have no value, or all cost too much. */
export async function conditionsHold(
  conditions: readonly CompiledExpression[],
  evaluation: PolicyEvaluation,
  time: EvaluationTime,
): Promise<boolean | Error> {
  const errors: string[] = [];
  try {
    for (const condition of conditions) {
      const result = evaluation.evaluate(condition);
      if (result instanceof Error) errors.push(result.message);
      else if (result.value !== true) return false;
      const pause = time.pause();
      if (pause) await pause;
    }
  } catch (error) {
    if (error instanceof OutOfBudget) return error;
    throw error;
  }
  return errors.length === 0 ? true : new Error(aggregateMessages(errors));
}
