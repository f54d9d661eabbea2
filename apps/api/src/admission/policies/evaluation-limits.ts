import { timeout } from '#apimachinery';
import type { AdmissionRequest } from '../admission-request.js';
import { CostBudget } from './cost-budget.js';
import { EvaluationTime, RequestOver } from './evaluation-time.js';

/**
 * Units of cost for all policies of one request, in each of the two steps. The reference bounds one evaluation, and there are as many of
 * these as policies, bindings and parameters; its processors are shared with others, and an event loop is not.
 */
const REQUEST_BUDGET = 50_000_000;

/** What all expressions of one request have together. */
export interface EvaluationLimits {
  readonly budget: CostBudget;
  readonly time: EvaluationTime;
}

/** Rejects with a timeout when the request is over. */
export async function withinLimits(
  { signal }: AdmissionRequest,
  work: (limits: EvaluationLimits) => Promise<void>,
): Promise<void> {
  try {
    await work({ budget: new CostBudget(REQUEST_BUDGET), time: new EvaluationTime(signal) });
  } catch (error) {
    if (!(error instanceof RequestOver)) throw error;
    throw timeout('request did not complete within the allotted timeout');
  }
}
