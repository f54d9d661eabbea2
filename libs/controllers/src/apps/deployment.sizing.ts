import { ownValue, scaledValue } from '#apimachinery';
import type { Deployment, ReplicaSet } from '#kinds';

/** How large each ReplicaSet of a Deployment should be: pure arithmetic, with upstream's rounding and order. */

export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
/** The most replicas that there can be. */
const MAX_INT32 = 2 ** 31 - 1;
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

export interface Resize {
  set: ReplicaSet;
  replicas: number;
}

export function desiredSize(object: Deployment | ReplicaSet): number {
  return object.spec.replicas ?? 1;
}

export function totalSize(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + desiredSize(set), 0);
}

export function availableIn(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
}

export function isActive(set: ReplicaSet): boolean {
  return desiredSize(set) > 0;
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== 'Recreate';
}

/**
 * maxSurge rounds up, maxUnavailable down; when both come to nothing one pod may be unavailable, or the rollout could
 * never move.
 */
export function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  if (!isRollingUpdate(deployment)) return { surge: 0, unavailable: 0 };
  const desired = desiredSize(deployment);
  const { maxSurge, maxUnavailable } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge ?? 0, desired, true);
  const unavailable = scaledValue(maxUnavailable ?? 0, desired, false);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export function maxSurge(deployment: Deployment): number {
  return fenceposts(deployment).surge;
}

export function maxUnavailable(deployment: Deployment): number {
  const desired = desiredSize(deployment);
  return desired === 0 ? 0 : Math.min(fenceposts(deployment).unavailable, desired);
}

/** The size of the new ReplicaSet: as large as the surge allows with all others as they are. */
export function newSetSize(deployment: Deployment, newSize: number, allSize: number): number {
  const desired = desiredSize(deployment);
  if (!isRollingUpdate(deployment)) return desired;
  const limit = desired + maxSurge(deployment);
  if (allSize >= limit) return newSize;
  return newSize + Math.min(limit - allSize, desired - newSize);
}

/** One step of a rolling update: grow or shrink the new set; when that is where it should be, shrink old ones. */
export function planRollingUpdate(
  deployment: Deployment,
  newSet: ReplicaSet,
  oldSets: readonly ReplicaSet[],
): Resize[] {
  const desired = desiredSize(deployment);
  const current = desiredSize(newSet);
  if (current !== desired) {
    const target = current > desired ? desired : newSetSize(deployment, current, totalSize([...oldSets, newSet]));
    if (target !== current) return [{ set: newSet, replicas: target }];
  }
  return planShrinkingOld(deployment, newSet, oldSets.filter(isActive));
}

/**
 * Old pods that are unavailable go first: they hold up the rollout and serve nobody. Then as many available ones as
 * minimum availability allows, the oldest set first.
 */
function planShrinkingOld(deployment: Deployment, newSet: ReplicaSet, oldSets: ReplicaSet[]): Resize[] {
  if (oldSets.length === 0) return [];
  const minAvailable = desiredSize(deployment) - maxUnavailable(deployment);
  const newUnavailable = desiredSize(newSet) - (newSet.status?.availableReplicas ?? 0);
  const spare = totalSize([...oldSets, newSet]) - minAvailable - newUnavailable;
  if (spare <= 0) return [];
  const sizes = new Map(oldSets.map((set) => [set, desiredSize(set)]));
  const oldestFirst = [...oldSets].sort(byCreation);
  const resizes = () =>
    oldestFirst.filter((set) => sizes.get(set) !== desiredSize(set)).map((set) => ({ set, replicas: sizes.get(set)! }));
  let left = spare;
  for (const set of oldestFirst) {
    if (left <= 0) break;
    const unhealthy = sizes.get(set)! - (set.status?.availableReplicas ?? 0);
    // The set was made smaller and its status does not show it yet: what is available is not known.
    if (unhealthy < 0) return resizes();
    const taken = Math.min(left, unhealthy);
    sizes.set(set, sizes.get(set)! - taken);
    left -= taken;
  }
  left = Math.max(0, availableIn([...oldSets, newSet]) - minAvailable);
  for (const set of oldestFirst) {
    const taken = Math.min(sizes.get(set)!, left);
    sizes.set(set, sizes.get(set)! - taken);
    left -= taken;
  }
  return resizes();
}

/** The Deployment was resized since its sets were last told; rollouts then wait until the sets share the change. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  const active = sets.filter(isActive);
  // Recreate shares nothing among sets: a second one, which a late watch has caused, goes with the roll-out.
  if (active.length > 1 && !isRollingUpdate(deployment)) return false;
  return active.some((set) => {
    const annotation = countAnnotation(set, DESIRED_REPLICAS);
    return annotation !== undefined && annotation !== desiredSize(deployment);
  });
}

/**
 * Shares a new size among the sets in proportion to what they have, so that scaling in the middle of a rollout neither
 * hastens nor undoes it. `force` marks plans whose sets need their annotations renewed even when no size changes.
 */
export function planScaling(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): { resizes: Resize[]; force: boolean } {
  const desired = desiredSize(deployment);
  const all = newSet ? [...oldSets, newSet] : [...oldSets];
  const active = all.filter(isActive);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? [...oldSets].sort(byCreation).at(-1);
    const resizes = only && desiredSize(only) !== desired ? [{ set: only, replicas: desired }] : [];
    return { resizes, force: false };
  }
  if (newSet && isSaturated(deployment, newSet)) {
    const resizes = oldSets.filter(isActive).map((set) => ({ set, replicas: 0 }));
    return { resizes, force: false };
  }
  if (!isRollingUpdate(deployment)) return { resizes: [], force: false };
  return { resizes: shareProportionally(deployment, active), force: true };
}

function shareProportionally(deployment: Deployment, active: ReplicaSet[]): Resize[] {
  const desired = desiredSize(deployment);
  const allowed = desired > 0 ? desired + maxSurge(deployment) : 0;
  const toAdd = allowed - totalSize(active);
  const newerFirst = toAdd > 0;
  const sorted = [...active].sort(
    (a, b) => desiredSize(b) - desiredSize(a) || (newerFirst ? byCreation(b, a) : byCreation(a, b)),
  );
  let added = 0;
  const resizes = sorted.map((set) => {
    const share = toAdd === 0 ? 0 : proportion(deployment, set, toAdd, added);
    added += share;
    return { set, replicas: desiredSize(set) + share };
  });
  if (toAdd !== 0) resizes[0]!.replicas = Math.max(0, resizes[0]!.replicas + toAdd - added);
  return resizes;
}

/** A set's part of the pods to add (positive) or remove (negative), within what is left of them. */
function proportion(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  const size = desiredSize(set);
  if (size === 0 || toAdd === 0 || toAdd === added) return 0;
  const share = fraction(deployment, set);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(share, allowed) : Math.max(share, allowed);
}

function fraction(deployment: Deployment, set: ReplicaSet): number {
  const desired = desiredSize(deployment);
  const size = desiredSize(set);
  if (desired === 0) return -size;
  const formerTotal = countAnnotation(set, MAX_REPLICAS) || deployment.status?.replicas || 0;
  if (formerTotal === 0) return 0;
  return roundHalfAwayFromZero((size * (desired + maxSurge(deployment))) / formerTotal) - size;
}

function roundHalfAwayFromZero(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

/** Everything that the Deployment wants runs in the new set, and the set knows of the Deployment's size. */
function isSaturated(deployment: Deployment, newSet: ReplicaSet): boolean {
  const desired = desiredSize(deployment);
  return (
    desiredSize(newSet) === desired &&
    countAnnotation(newSet, DESIRED_REPLICAS) === desired &&
    (newSet.status?.availableReplicas ?? 0) === desired
  );
}

/** Old sets beyond the history limit that are empty and settled, the oldest revisions first. */
export function planHistoryCleanup(
  deployment: Deployment,
  oldSets: readonly ReplicaSet[],
  revisionOf: (set: ReplicaSet) => bigint | undefined,
): ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined) return [];
  const alive = oldSets.filter((set) => set.metadata.deletionTimestamp === undefined);
  const excess = alive.length - limit;
  if (excess <= 0) return [];
  return [...alive]
    .sort((a, b) => compareRevisions(revisionOf(a), revisionOf(b)) || byCreation(a, b))
    .slice(0, excess)
    .filter(
      (set) =>
        desiredSize(set) === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}

/** 0 also when either is not known. */
function compareRevisions(a: bigint | undefined, b: bigint | undefined): number {
  if (a === undefined || b === undefined || a === b) return 0;
  return a < b ? -1 : 1;
}

export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const times = (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '');
  return times !== 0 ? times : a.metadata.name! < b.metadata.name! ? -1 : 1;
}

function countAnnotation(set: ReplicaSet, key: string): number | undefined {
  const text = ownValue(set.metadata.annotations, key);
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= MAX_INT32 ? Number(text) : undefined;
}
