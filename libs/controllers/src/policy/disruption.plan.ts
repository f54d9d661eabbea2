import { deepEqual, ownValue, parseTime, scaledValue, setOwn } from '#apimachinery';
import {
  disruptionAllowed,
  type Pod,
  type PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
  withDisruptionAllowed,
} from '#kinds';
import { isPodFinished, isPodReady } from '../workload/pods.js';

/**
 * The status of a PodDisruptionBudget by what its pods show. Pure: the caller brings the pods and the scale of their
 * controllers. Times are milliseconds since the epoch.
 */

/** Milliseconds in which an evicted pod is expected to be gone, and in which a pod may be about to be disrupted. */
export const DELETION_TIMEOUT_MS = 120_000;

/** How many pods the controllers of a budget's pods want together, and which pods have none. */
export interface ExpectedScale {
  replicas: number;
  unmanaged: readonly string[];
}

/** Whether the budget counts from the scale of the pods' controllers. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

/** Throws for a percentage that is none. `scale` counts only for budgets that need it. */
export function expectation(
  { spec }: PodDisruptionBudget,
  pods: number,
  scale: number,
): { expectedPods: number; desiredHealthy: number } {
  const { maxUnavailable, minAvailable } = spec ?? {};
  if (maxUnavailable !== undefined) {
    return { expectedPods: scale, desiredHealthy: Math.max(scale - scaledValue(maxUnavailable, scale, true), 0) };
  }
  if (typeof minAvailable === 'number') return { expectedPods: pods, desiredHealthy: minAvailable };
  if (minAvailable === undefined) return { expectedPods: 0, desiredHealthy: 0 };
  return { expectedPods: scale, desiredHealthy: scaledValue(minAvailable, scale, true) };
}

export interface Disrupted {
  /** Evicted pods that are still there, as long as they may be expected to go. */
  pods: Record<string, string>;
  /** Those that should have gone by now. */
  overdue: readonly Pod[];
  /** When the first of the others is overdue. */
  recheckAt: number | undefined;
}

export function disruptedPods(budget: PodDisruptionBudget, pods: readonly Pod[], now: number): Disrupted {
  const expected: Record<string, string> = {};
  const overdue: Pod[] = [];
  let recheckAt: number | undefined;
  for (const pod of pods) {
    const name = pod.metadata.name!;
    const time = ownValue(budget.status?.disruptedPods, name);
    if (time === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const end = (parseTime(time) ?? 0) + DELETION_TIMEOUT_MS;
    if (end < now) {
      overdue.push(pod);
    } else {
      setOwn(expected, name, time);
      recheckAt = Math.min(recheckAt ?? end, end);
    }
  }
  return { pods: expected, overdue, recheckAt };
}

/** The status that the budget should have; undefined when it has it. */
export function plannedStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number,
  disrupted: Readonly<Record<string, string>>,
  now: number,
): PodDisruptionBudgetStatus | undefined {
  const { expectedPods, desiredHealthy } = expectation(budget, pods.length, scale);
  const currentHealthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined && !Object.hasOwn(disrupted, pod.metadata.name!) && isPodReady(pod),
  ).length;
  const before: PodDisruptionBudgetStatus = budget.status ?? {};
  const status: PodDisruptionBudgetStatus = {
    currentHealthy,
    desiredHealthy,
    expectedPods,
    // Without expected pods nothing may go: the first ones may have come while this was counted.
    disruptionsAllowed: expectedPods <= 0 ? 0 : Math.max(currentHealthy - desiredHealthy, 0),
    observedGeneration: budget.metadata.generation,
  };
  if (Object.keys(disrupted).length > 0) status.disruptedPods = { ...disrupted };
  if (before.conditions !== undefined) status.conditions = before.conditions;
  const reason = status.disruptionsAllowed! > 0 ? 'SufficientPods' : 'InsufficientPods';
  if (deepEqual(before, status) && disruptionAllowed(before)?.reason === reason) return undefined;
  return withDisruptionAllowed(status, new Date(now));
}

/** Milliseconds until the pod's word that it is about to be disrupted counts for nothing; undefined: it gave none. */
export function staleDisruptionIn(pod: Pod, now: number): number | undefined {
  if (pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) return undefined;
  const condition = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  // The agent may take as long as it likes between its word and the pod's end.
  if (condition?.status !== 'True' || condition.reason === 'TerminationByKubelet') return undefined;
  const since = parseTime(condition.lastTransitionTime ?? '') ?? 0;
  return Math.max(0, since + DELETION_TIMEOUT_MS - now);
}
