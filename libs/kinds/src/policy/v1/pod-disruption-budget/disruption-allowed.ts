import { formatTime } from '#apimachinery';
import type { Condition, PodDisruptionBudgetStatus } from '../../../generated/types.js';

/** Why a budget allows a disruption, or none. */
export const SYNC_FAILED = 'SyncFailed';

const DISRUPTION_ALLOWED = 'DisruptionAllowed';

/** The condition that says whether disruptions are allowed. */
export function disruptionAllowed({ conditions }: PodDisruptionBudgetStatus): Condition | undefined {
  return conditions?.find(({ type }) => type === DISRUPTION_ALLOWED);
}

/** The status with the condition that its number of allowed disruptions asks for. */
export function withDisruptionAllowed(status: PodDisruptionBudgetStatus, now: Date): PodDisruptionBudgetStatus {
  const allowed = (status.disruptionsAllowed ?? 0) > 0;
  return withCondition(status, allowed ? 'True' : 'False', allowed ? 'SufficientPods' : 'InsufficientPods', '', now);
}

/** The status when the pods could not be counted: nothing may be disrupted, and the counts stay as they were. */
export function withSyncFailure(
  status: PodDisruptionBudgetStatus,
  message: string,
  now: Date,
): PodDisruptionBudgetStatus {
  return withCondition({ ...status, disruptionsAllowed: 0 }, 'False', SYNC_FAILED, message, now);
}

function withCondition(
  status: PodDisruptionBudgetStatus,
  truth: 'True' | 'False',
  reason: string,
  message: string,
  now: Date,
): PodDisruptionBudgetStatus {
  const before = disruptionAllowed(status);
  const lastTransitionTime = before?.status === truth ? before.lastTransitionTime : formatTime(now);
  const condition: Condition = { type: DISRUPTION_ALLOWED, status: truth, reason, message, lastTransitionTime };
  if (status.observedGeneration !== undefined) condition.observedGeneration = status.observedGeneration;
  const conditions = status.conditions ?? [];
  return {
    ...status,
    conditions: before ? conditions.map((item) => (item === before ? condition : item)) : [...conditions, condition],
  };
}
