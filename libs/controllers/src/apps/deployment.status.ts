import { deepEqual } from '#apimachinery';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '#kinds';
import { availableIn, desiredSize, maxUnavailable, totalSize } from './deployment.sizing.js';

/** The status that a Deployment should have, and whether its rollout moves. Times are milliseconds since the epoch. */

/** A deadline of MaxInt32 means none. */
export function hasProgressDeadline(deployment: Deployment): boolean {
  const deadline = deployment.spec.progressDeadlineSeconds;
  return deadline !== undefined && deadline !== 2 ** 31 - 1;
}

export function findCondition(status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function newCondition(
  type: string,
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
  timestamp: string,
): DeploymentCondition {
  return { type, status, lastUpdateTime: timestamp, lastTransitionTime: timestamp, reason, message };
}

/** Adds or replaces. The same status and reason change nothing; the same status keeps its transition time. */
export function withCondition(
  conditions: readonly DeploymentCondition[],
  condition: DeploymentCondition,
): DeploymentCondition[] {
  const old = conditions.find((candidate) => candidate.type === condition.type);
  if (old === undefined || old.status !== condition.status) {
    return [...withoutCondition(conditions, condition.type), condition];
  }
  if (old.reason === condition.reason) return [...conditions];
  const kept = { ...condition, lastTransitionTime: old.lastTransitionTime };
  return [...withoutCondition(conditions, condition.type), kept];
}

function withoutCondition(conditions: readonly DeploymentCondition[], type: string | undefined): DeploymentCondition[] {
  return conditions.filter((condition) => condition.type !== type);
}

/** Counts and availability. Zero counts are left out, as the API writes them. */
export function countStatus(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
  timestamp: string,
): DeploymentStatus {
  const all = newSet ? [...oldSets, newSet] : oldSets;
  const sum = (field: 'replicas' | 'readyReplicas') =>
    all.reduce((total, set) => total + (set.status?.[field] ?? 0), 0);
  const available = availableIn(all);
  const enough = available >= desiredSize(deployment) - maxUnavailable(deployment);
  const condition = enough
    ? newCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', timestamp)
    : newCondition(
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
        timestamp,
      );
  return withoutZeros({
    observedGeneration: deployment.metadata.generation,
    replicas: sum('replicas'),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum('readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, totalSize(all) - available),
    terminatingReplicas: terminatingIn(all),
    collisionCount: deployment.status?.collisionCount,
    conditions: withCondition(deployment.status?.conditions ?? [], condition),
  });
}

/** Undefined while a set that was reconciled does not say. */
function terminatingIn(sets: readonly ReplicaSet[]): number | undefined {
  let total = 0;
  for (const { status } of sets) {
    if (status?.terminatingReplicas !== undefined) total += status.terminatingReplicas;
    else if (status?.observedGeneration) return undefined;
  }
  return total;
}

/** `terminatingReplicas` is a pointer upstream: its zero is written. */
function withoutZeros(status: DeploymentStatus): DeploymentStatus {
  const kept = Object.entries(status).filter(
    ([key, value]) => value !== undefined && (value !== 0 || key === 'terminatingReplicas' || key === 'collisionCount'),
  );
  return Object.fromEntries(kept) as DeploymentStatus;
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = desiredSize(deployment);
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function isTimedOut(deployment: Deployment, progressing: DeploymentCondition | undefined, now: number): boolean {
  if (!progressing || progressing.reason === 'NewReplicaSetAvailable') return false;
  if (progressing.reason === 'ProgressDeadlineExceeded') return true;
  return Date.parse(progressing.lastUpdateTime!) + deployment.spec.progressDeadlineSeconds! * 1000 < now;
}

export interface RolloutStatus {
  status: DeploymentStatus;
  /** Milliseconds after which to look at the deadline again. */
  checkAfter?: number;
}

/** Counts, availability, and how the rollout gets on. */
export function rolloutStatus(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
  now: number,
  timestamp: string,
): RolloutStatus {
  const before: DeploymentStatus = deployment.status ?? {};
  const status = countStatus(deployment, newSet, oldSets, timestamp);
  let conditions = status.conditions ?? [];
  const current = findCondition(before, 'Progressing');
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  const wasComplete =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (!hasProgressDeadline(deployment)) conditions = withoutCondition(conditions, 'Progressing');
  else if (!wasComplete) {
    if (isComplete(deployment, status)) {
      const message = `${subject} has successfully progressed.`;
      conditions = withCondition(
        conditions,
        newCondition('Progressing', 'True', 'NewReplicaSetAvailable', message, timestamp),
      );
    } else if (hasProgressed(before, status)) {
      const condition = newCondition(
        'Progressing',
        'True',
        'ReplicaSetUpdated',
        `${subject} is progressing.`,
        timestamp,
      );
      if (current?.status === 'True') condition.lastTransitionTime = current.lastTransitionTime;
      // Replaced even with the same reason: its update time is what the deadline counts from.
      conditions = [...withoutCondition(conditions, 'Progressing'), condition];
    } else if (isTimedOut(deployment, findCondition(status, 'Progressing'), now)) {
      const message = `${subject} has timed out progressing.`;
      conditions = withCondition(
        conditions,
        newCondition('Progressing', 'False', 'ProgressDeadlineExceeded', message, timestamp),
      );
    }
  }
  conditions = withReplicaFailure(conditions, newSet, oldSets);
  const result: DeploymentStatus = { ...status };
  if (conditions.length > 0) result.conditions = conditions;
  else delete result.conditions;
  if (!deepEqual(before, result)) return { status: result };
  return { status: result, checkAfter: deadlineCheck(deployment, result, now) };
}

/** A ReplicaSet's failure is the Deployment's; the new set's counts before the old ones'. */
function withReplicaFailure(
  conditions: DeploymentCondition[],
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): DeploymentCondition[] {
  for (const set of newSet ? [newSet, ...oldSets] : oldSets) {
    const failure = set.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
    if (failure) {
      const { type, status, reason, message, lastTransitionTime } = failure;
      return withCondition(conditions, {
        type,
        status,
        reason,
        message,
        lastTransitionTime,
        lastUpdateTime: lastTransitionTime,
      });
    }
  }
  return withoutCondition(conditions, 'ReplicaFailure');
}

/** When an unmoving rollout must be looked at again; undefined when it is complete or has timed out. */
function deadlineCheck(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const current = findCondition(status, 'Progressing');
  if (!hasProgressDeadline(deployment) || !current) return undefined;
  if (isComplete(deployment, status) || current.reason === 'ProgressDeadlineExceeded') return undefined;
  const left = Date.parse(current.lastUpdateTime!) + deployment.spec.progressDeadlineSeconds! * 1000 - now;
  // A second more: the condition's time is cut to whole seconds.
  return Math.max(left, 0) + 1000;
}

/** The Progressing condition that pausing or resuming asks for; undefined when there is nothing to say. */
export function pauseCondition(deployment: Deployment, timestamp: string): DeploymentCondition | undefined {
  if (!hasProgressDeadline(deployment)) return undefined;
  const current = findCondition(deployment.status, 'Progressing');
  if (current?.reason === 'ProgressDeadlineExceeded') return undefined;
  const saidPaused = current?.reason === 'DeploymentPaused';
  if (deployment.spec.paused && !saidPaused) {
    return newCondition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', timestamp);
  }
  if (!deployment.spec.paused && saidPaused) {
    return newCondition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', timestamp);
  }
  return undefined;
}
