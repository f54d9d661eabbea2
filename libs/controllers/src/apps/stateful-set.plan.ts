import type { Pod, StatefulSet, StatefulSetStatus } from '#kinds';
import { CONTROLLER_REVISION_HASH } from '../workload/controller-revisions.js';
import { isPodAvailable, isPodFinished, isPodReady } from '../workload/pods.js';

/** Which pod of a StatefulSet comes or goes next. Pure; times are milliseconds since the epoch. */

export interface StatefulWorld {
  set: StatefulSet;
  /** The set's pods, by ordinal. */
  pods: ReadonlyMap<number, Pod>;
  /** Revision names (labels of pods): the one that was rolled out last, and the one to roll out. */
  current: string;
  update: string;
  now: number;
}

export interface StatefulPlan {
  create: { ordinal: number; revision: string }[];
  remove: Pod[];
}

export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const text = pod.metadata.name!.startsWith(prefix) ? pod.metadata.name!.slice(prefix.length) : '';
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

const isDeleting = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined;
const revisionOf = (pod: Pod) => pod.metadata.labels?.[CONTROLLER_REVISION_HASH];

function range(set: StatefulSet): { start: number; end: number } {
  const start = set.spec.ordinals?.start ?? 0;
  return { start, end: start + (set.spec.replicas ?? 1) };
}

function partitionOf(set: StatefulSet): number {
  return set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
}

/** Running, and available for as long as the set asks. */
function isHealthy(set: StatefulSet, pod: Pod, now: number): boolean {
  return !isDeleting(pod) && isPodReady(pod) && isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
}

/** One step: with OrderedReady management nothing moves while a predecessor is not healthy. */
export function planStatefulSet(world: StatefulWorld): StatefulPlan {
  const { set, pods, now } = world;
  const plan: StatefulPlan = { create: [], remove: [] };
  const ordered = set.spec.podManagementPolicy !== 'Parallel';
  const { start, end } = range(set);
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = pods.get(ordinal);
    if (!pod) plan.create.push({ ordinal, revision: revisionFor(world, ordinal) });
    else if (isPodFinished(pod) && !isDeleting(pod)) plan.remove.push(pod);
    else if (isHealthy(set, pod, now)) continue;
    if (ordered) return plan;
  }
  const condemned = [...pods].filter(([ordinal]) => ordinal < start || ordinal >= end).sort(([a], [b]) => b - a);
  for (const [, pod] of condemned) {
    if (!isDeleting(pod)) plan.remove.push(pod);
    if (ordered) return plan;
  }
  if (plan.create.length > 0 || plan.remove.length > 0 || set.spec.updateStrategy?.type === 'OnDelete') return plan;
  for (let ordinal = end - 1; ordinal >= start + partitionOf(set); ordinal--) {
    const pod = pods.get(ordinal);
    if (!pod) return plan;
    if (revisionOf(pod) !== world.update && !isDeleting(pod)) {
      plan.remove.push(pod);
      return plan;
    }
    if (!isHealthy(set, pod, now)) return plan;
  }
  return plan;
}

/** Pods below the partition stay at the revision that was rolled out last. */
function revisionFor({ set, current, update }: StatefulWorld, ordinal: number): string {
  const { start } = range(set);
  if (set.spec.updateStrategy?.type === 'OnDelete') return update;
  return ordinal < start + partitionOf(set) ? current : update;
}

/** Counts by revision; once all pods have the new one, it is the current one. */
export function statefulStatus({ set, pods, current, update, now }: StatefulWorld): StatefulSetStatus {
  const all = [...pods.values()].filter((pod) => !isPodFinished(pod));
  const live = all.filter((pod) => !isDeleting(pod));
  const at = (revision: string) => live.filter((pod) => revisionOf(pod) === revision).length;
  const ready = all.filter(isPodReady).length;
  const minReady = set.spec.minReadySeconds ?? 0;
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata.generation,
    replicas: all.length,
    readyReplicas: ready,
    availableReplicas: all.filter((pod) => isPodAvailable(pod, minReady, now)).length,
    currentReplicas: at(current),
    updatedReplicas: at(update),
    currentRevision: current,
    updateRevision: update,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  const rolling = set.spec.updateStrategy?.type !== 'OnDelete';
  // A pod that is about to be made is missing here: without it the others tell nothing of the whole.
  const whole = all.length === (set.spec.replicas ?? 1);
  if (rolling && whole && status.updatedReplicas === status.replicas && ready === status.replicas) {
    status.currentReplicas = status.updatedReplicas;
    status.currentRevision = update;
  }
  for (const field of ['readyReplicas', 'currentReplicas', 'updatedReplicas'] as const) {
    if (status[field] === 0) delete status[field];
  }
  if (set.status?.conditions) status.conditions = set.status.conditions;
  return status;
}
