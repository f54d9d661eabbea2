import { appendAll, scaledValue } from '#apimachinery';
import type { PersistentVolumeClaim, Pod, StatefulSet, StatefulSetStatus } from '#kinds';
import { CONTROLLER_REVISION_HASH } from '../workload/controller-revisions.js';
import { isPodAvailable, isPodFinished, isPodReady } from '../workload/pods.js';
import { claimsMatch, hasStaleClaim } from './stateful-set.claims.js';
import { hasIdentity, hasStorage, ordinalOf, rangeOf } from './stateful-set.identity.js';

/** Which pods of a StatefulSet come and go next. Pure; times are milliseconds since the epoch. */

/** Pods that one look creates at most: their events bring the next look. */
const CHANGES_AT_ONCE = 500;

export interface StatefulWorld {
  set: StatefulSet;
  /** The set's pods, by ordinal. */
  pods: ReadonlyMap<number, Pod>;
  claimOf(name: string): PersistentVolumeClaim | undefined;
  /** Revision names (labels of pods): the one that was rolled out last, and the one to roll out. */
  current: string;
  update: string;
  now: number;
}

/** In the order in which it is carried out. */
export interface StatefulPlan {
  /** Pods that wait for something: claims of theirs that are missing are made. */
  claims: Pod[];
  /** Pods whose name, volumes or claims are not what the set says. */
  repair: Pod[];
  /** Pods beyond the range, whose claims are to go with them or to stay. */
  release: Pod[];
  create: { ordinal: number; revision: string }[];
  remove: Pod[];
}

const isDeleting = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined;
const revisionOf = (pod: Pod) => pod.metadata.labels?.[CONTROLLER_REVISION_HASH];
const isParallel = ({ spec }: StatefulSet) => spec.podManagementPolicy === 'Parallel';

function partitionOf(set: StatefulSet): number {
  return set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
}

/** How many pods an update may make unavailable: a small share is one pod. */
export function maxUnavailableOf({ spec }: StatefulSet): number {
  return Math.max(1, scaledValue(spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, spec.replicas ?? 1, false));
}

/** Available for as long as the set asks. */
function isAvailable({ set, now }: StatefulWorld, pod: Pod): boolean {
  return isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
}

/** Running, and available. */
function isHealthy(world: StatefulWorld, pod: Pod): boolean {
  return !isDeleting(pod) && pod.status?.phase === 'Running' && isPodReady(pod) && isAvailable(world, pod);
}

/** With OrderedReady management each step waits until the pods before it are healthy; with Parallel all is done at once. */
export function planStatefulSet(world: StatefulWorld): StatefulPlan {
  const plan: StatefulPlan = { claims: [], repair: [], release: [], create: [], remove: [] };
  if (!planReplicas(world, plan) || !planCondemned(world, plan)) return plan;
  if (world.set.spec.updateStrategy?.type !== 'OnDelete') planUpdate(world, plan);
  return plan;
}

/** False when what follows has to wait. */
function planReplicas(world: StatefulWorld, plan: StatefulPlan): boolean {
  const { set, pods, claimOf } = world;
  const ordered = !isParallel(set);
  const { start, end } = rangeOf(set);
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = pods.get(ordinal);
    if (!pod) {
      // Claims of a pod that was scaled away go with it: a new one must not get them.
      if (!hasStaleClaim(set, ordinal, claimOf)) plan.create.push({ ordinal, revision: revisionFor(world, ordinal) });
      if (ordered || plan.create.length >= CHANGES_AT_ONCE) return false;
      continue;
    }
    if (isPodFinished(pod)) {
      if (!isDeleting(pod)) plan.remove.push(pod);
      if (ordered) return false;
      continue;
    }
    if (pod.status?.phase === 'Pending') plan.claims.push(pod);
    if (ordered && !isHealthy(world, pod)) return false;
    if (!hasIdentity(set, pod) || !hasStorage(set, pod) || !claimsMatch(set, pod, claimOf)) plan.repair.push(pod);
  }
  return true;
}

/** Pods beyond the range, from the end. An unhealthy one holds those before it back, unless no other is to be waited for. */
function planCondemned(world: StatefulWorld, plan: StatefulPlan): boolean {
  const { set, pods, claimOf } = world;
  const { start, end } = rangeOf(set);
  const condemned = [...pods].filter(([ordinal]) => ordinal < start || ordinal >= end).sort(([a], [b]) => b - a);
  const all = condemned.map(([, pod]) => pod);
  appendAll(
    plan.release,
    all.filter((pod) => !claimsMatch(set, pod, claimOf)),
  );
  if (isParallel(set)) {
    appendAll(
      plan.remove,
      all.filter((pod) => !isDeleting(pod)),
    );
    return true;
  }
  const [last] = all;
  if (!last) return true;
  const firstUnhealthy = all.findLast((pod) => isDeleting(pod) || !isAvailable(world, pod));
  if (!isDeleting(last) && (isHealthy(world, last) || last === firstUnhealthy)) plan.remove.push(last);
  return false;
}

/** Old pods are deleted from the end down to the partition, as many as may be unavailable together. */
function planUpdate(world: StatefulWorld, plan: StatefulPlan): void {
  const { set, pods, update } = world;
  const { start, end } = rangeOf(set);
  const isUnavailable = (pod: Pod | undefined) => pod === undefined || isDeleting(pod) || !isAvailable(world, pod);
  const isOld = (pod: Pod) => revisionOf(pod) !== update && !isDeleting(pod);
  const ordinals = Array.from({ length: end - start }, (_, i) => end - 1 - i);
  const replicas = ordinals.map((ordinal) => pods.get(ordinal));
  const old = ordinals
    .filter((ordinal) => ordinal >= start + partitionOf(set))
    .map((ordinal) => pods.get(ordinal))
    .filter((pod) => pod !== undefined)
    .filter(isOld);
  const unavailable = replicas.filter(isUnavailable).length;
  let left = maxUnavailableOf(set) - unavailable;
  const remove = (pod: Pod) => {
    if (!plan.remove.includes(pod)) plan.remove.push(pod);
  };
  if (isParallel(set)) {
    // Those that are not available cost nothing. One that is not made yet is new.
    old.filter(isUnavailable).forEach(remove);
    for (const pod of old.filter((candidate) => !isUnavailable(candidate))) if (left-- > 0) remove(pod);
    return;
  }
  for (const pod of old) if (left-- > 0) remove(pod);
}

/** Pods below the partition stay at the revision that was rolled out last. */
function revisionFor({ set, current, update }: StatefulWorld, ordinal: number): string {
  const { start } = rangeOf(set);
  if (set.spec.updateStrategy?.type === 'OnDelete') return update;
  return ordinal < start + partitionOf(set) ? current : update;
}

/** Pods of the range that are missing or not available. */
export function unavailableReplicas(world: StatefulWorld): number {
  const { start, end } = rangeOf(world.set);
  const available = [...world.pods].filter(
    ([ordinal, pod]) => ordinal >= start && ordinal < end && !isDeleting(pod) && isAvailable(world, pod),
  );
  return end - start - available.length;
}

/** Counts by revision; once all pods have the new one, it is the current one. */
export function statefulStatus(world: StatefulWorld): StatefulSetStatus {
  const { set, pods, current, update } = world;
  const all = [...pods.values()].filter((pod) => ordinalOf(set, pod) !== undefined);
  const live = all.filter((pod) => !isDeleting(pod));
  const at = (revision: string) => live.filter((pod) => revisionOf(pod) === revision).length;
  const ready = all.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod));
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata.generation,
    replicas: all.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(world, pod)).length,
    currentReplicas: at(current),
    updatedReplicas: at(update),
    currentRevision: current,
    updateRevision: update,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  // A pod that is about to be made is missing here: without it the others tell nothing of the whole.
  const wanted = set.spec.replicas ?? 1;
  if (status.updatedReplicas === wanted && ready.length === wanted && status.replicas === wanted) {
    status.currentReplicas = status.updatedReplicas;
    status.currentRevision = update;
  }
  for (const field of ['readyReplicas', 'currentReplicas', 'updatedReplicas'] as const) {
    if (status[field] === 0) delete status[field];
  }
  if (set.status?.conditions) status.conditions = set.status.conditions;
  return status;
}
