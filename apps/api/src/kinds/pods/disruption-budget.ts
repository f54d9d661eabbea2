import { type KubeObject, ownValue, parseTime, scaledValue, setOwn } from '#apimachinery';

/**
 * The status of a PodDisruptionBudget by what its pods show, as the reference's disruption controller counts it
 * (pkg/controller/disruption/disruption.go). Pure: the caller brings pods and the scale of their controllers.
 */

/** Milliseconds in which an evicted pod is expected to be gone. */
const DELETION_TIMEOUT_MS = 120_000;

export interface BudgetStatus {
  currentHealthy: number;
  desiredHealthy: number;
  disruptionsAllowed: number;
  expectedPods: number;
  disruptedPods?: Record<string, string>;
  observedGeneration?: number;
  conditions?: BudgetCondition[];
}

interface BudgetCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** How many pods a pod's controller wants; undefined for a pod without controller. Throws when it cannot be known. */
export type ScaleOfPod = (pod: KubeObject) => { uid: string; replicas: number } | undefined;

/** `pods` are those that the budget selects. `observedGeneration` stays: only the one who keeps a status may claim it. */
export function countedStatus(
  budget: KubeObject,
  pods: readonly KubeObject[],
  scaleOf: ScaleOfPod,
  now: Date,
): BudgetStatus {
  const before: Partial<BudgetStatus> = budget.status ?? {};
  const disruptedPods = stillExpected(before.disruptedPods ?? {}, pods, now);
  const currentHealthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined && !Object.hasOwn(disruptedPods, pod.metadata.name!) && isReady(pod),
  ).length;
  const status = { ...before, currentHealthy, disruptedPods };
  try {
    const { expectedPods, desiredHealthy } = expectation(budget.spec, pods, scaleOf);
    const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(currentHealthy - desiredHealthy, 0);
    const counted = { ...status, desiredHealthy, expectedPods, disruptionsAllowed };
    return withDisruptionAllowed(counted, now);
  } catch (error) {
    const { message } = error as Error;
    const failed = { ...status, desiredHealthy: 0, expectedPods: 0, disruptionsAllowed: 0 };
    return withCondition(failed, { status: 'False', reason: 'SyncFailed', message }, now);
  }
}

function expectation(
  { maxUnavailable, minAvailable }: KubeObject['spec'],
  pods: readonly KubeObject[],
  scaleOf: ScaleOfPod,
): { expectedPods: number; desiredHealthy: number } {
  if (maxUnavailable !== undefined) {
    const expectedPods = expectedScale(pods, scaleOf);
    const unavailable = scaledValue(maxUnavailable, expectedPods, true);
    return { expectedPods, desiredHealthy: Math.max(expectedPods - unavailable, 0) };
  }
  if (typeof minAvailable === 'number') return { expectedPods: pods.length, desiredHealthy: minAvailable };
  if (minAvailable === undefined) return { expectedPods: 0, desiredHealthy: 0 };
  const expectedPods = expectedScale(pods, scaleOf);
  return { expectedPods, desiredHealthy: scaledValue(minAvailable, expectedPods, true) };
}

/** The sum over the pods' controllers. Pods that have none do not count. */
function expectedScale(pods: readonly KubeObject[], scaleOf: ScaleOfPod): number {
  const scales = new Map<string, number>();
  for (const pod of pods) {
    const scale = scaleOf(pod);
    if (scale !== undefined) scales.set(scale.uid, scale.replicas);
  }
  let sum = 0;
  for (const replicas of scales.values()) sum += replicas;
  return sum;
}

/** Evicted pods that are still there, as long as they may be expected to go. */
function stillExpected(
  disrupted: Readonly<Record<string, string>>,
  pods: readonly KubeObject[],
  now: Date,
): Record<string, string> {
  const expected: Record<string, string> = {};
  for (const { metadata } of pods) {
    const name = metadata.name!;
    const time = ownValue(disrupted, name);
    if (metadata.deletionTimestamp !== undefined || time === undefined) continue;
    if ((parseTime(time) ?? 0) + DELETION_TIMEOUT_MS >= now.getTime()) setOwn(expected, name, time);
  }
  return expected;
}

/** The condition that says whether disruptions are allowed. */
export function withDisruptionAllowed(status: BudgetStatus, now: Date): BudgetStatus {
  const told =
    status.disruptionsAllowed > 0
      ? { status: 'True', reason: 'SufficientPods', message: '' }
      : { status: 'False', reason: 'InsufficientPods', message: '' };
  return withCondition(status, told, now);
}

function withCondition(
  status: BudgetStatus,
  told: Pick<BudgetCondition, 'status' | 'reason' | 'message'>,
  now: Date,
): BudgetStatus {
  const type = 'DisruptionAllowed';
  const before = status.conditions?.find((condition) => condition.type === type);
  const lastTransitionTime =
    before?.status === told.status ? before.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
  const { observedGeneration } = status;
  const condition: BudgetCondition = { type, ...told, lastTransitionTime };
  if (observedGeneration !== undefined) condition.observedGeneration = observedGeneration;
  const conditions = (status.conditions ?? []).map((item) => (item === before ? condition : item));
  return { ...status, conditions: before ? conditions : [...conditions, condition] };
}

export function isReady(pod: KubeObject): boolean {
  const conditions = (pod.status?.conditions ?? []) as { type: string; status: string }[];
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
}
