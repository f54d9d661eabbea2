import { appendAll, smallest } from '#apimachinery';
import type { Job, JobCondition, Pod } from '#kinds';
import { podsToDelete } from '../workload/deletion-ranking.js';
import { isPodActive, isPodTerminating } from '../workload/pods.js';
import { IndexSet, indexOf } from './completion-indexes.js';
import {
  allFailuresOf,
  type BackoffRecord,
  backoffLeft,
  failuresBefore,
  finishedTime,
  indexBackoffLeft,
  nextRecord,
} from './job-backoff.js';
import { metSuccessPolicy } from './job-success-policy.js';
import { judgePodFailure, type PodFailure } from './pod-failure-policy.js';

/** What a Job's pods mean for it, and which come and go. Pure; times are milliseconds since the epoch. */

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';

/** Pods that one look creates, or deletes, at most: a big Job does not keep the others waiting. */
const CHANGES_AT_ONCE = 500;

export interface JobWorld {
  job: Job;
  pods: readonly Pod[];
  now: number;
  /** The informer shows all pods that were created and deleted for the Job. */
  settled: boolean;
  /** Uids of pods whose finalizer has been removed: the informer may not show that yet. */
  released: ReadonlySet<string>;
  backoff: BackoffRecord;
}

/** What the Job ends with, once its pods are gone and counted. */
export interface Verdict {
  final: 'Complete' | 'Failed';
  reason: string;
  message: string;
}

export interface NewPod {
  /** Of an Indexed Job. */
  index?: number;
  /** The failed pod of the same index: its failures are carried on, where the limit is one per index. */
  replaces?: Pod;
}

export type SyncAction = 'reconciling' | 'tracking' | 'pods_created' | 'pods_deleted';

export interface JobPlan {
  action: SyncAction;
  verdict?: Verdict;
  active: readonly Pod[];
  terminating: number;
  remove: readonly Pod[];
  create: readonly NewPod[];
  /** The pods to remove lose their finalizer first: their end is no failure. */
  untrack: boolean;
  /** The number of active pods is what it should be once this is done: `Suspended` may be told, and completion. */
  managed: boolean;
  failed: number;
  succeeded: number;
  /** Of an Indexed Job, with those that have newly succeeded; `failedIndexes` only with a limit per index. */
  succeededIndexes: IndexSet;
  failedIndexes?: IndexSet;
  /** By index, failed pods that stay until their replacement carries their count on. */
  kept: ReadonlyMap<number, Pod>;
  backoff: BackoffRecord;
  /** Milliseconds after which to look again. */
  requeueAfter?: number;
}

export const isIndexed = ({ spec }: Job): boolean => spec.completionMode === 'Indexed';
export const hasLimitPerIndex = ({ spec }: Job): boolean => spec.backoffLimitPerIndex !== undefined;
export const hasSucceeded = (pod: Pod): boolean => pod.status?.phase === 'Succeeded';

/** Is the pod's end still to be counted? */
export function isHeld(pod: Pod, released: ReadonlySet<string>): boolean {
  return (pod.metadata.finalizers ?? []).includes(TRACKING_FINALIZER) && !released.has(pod.metadata.uid!);
}

/** A pod that is being deleted has failed, unless replacements wait until it has really ended. */
export function hasFailed({ spec }: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return pod.metadata.deletionTimestamp !== undefined && !hasSucceeded(pod) && spec.podReplacementPolicy !== 'Failed';
}

export function judge({ spec }: Job, pod: Pod): PodFailure {
  return judgePodFailure(spec.podFailurePolicy?.rules, pod);
}

/** Of an Indexed Job: the index, when it is one of the Job's. */
export function validIndex(job: Job, pod: Pod): number | undefined {
  const index = indexOf(pod);
  return index !== undefined && index < (job.spec.completions ?? 0) ? index : undefined;
}

export function planJob(world: JobWorld): JobPlan {
  const { job, pods, settled } = world;
  const active = pods.filter(isPodActive);
  const assessment = assess(world, active);
  const verdict = decide(world, assessment);
  const plan: JobPlan = {
    ...assessment,
    ...(verdict ? { verdict } : {}),
    action: 'reconciling',
    active,
    terminating: pods.filter(isPodTerminating).length,
    remove: verdict ? active : [],
    create: [],
    untrack: false,
    managed: false,
  };
  if (!verdict && settled && job.metadata.deletionTimestamp === undefined) manage(world, plan);
  const deadline = verdict ? undefined : deadlineLeft(world);
  if (deadline !== undefined) plan.requeueAfter = Math.min(plan.requeueAfter ?? deadline, deadline);
  return plan;
}

type Assessment = Pick<JobPlan, 'failed' | 'succeeded' | 'succeededIndexes' | 'failedIndexes' | 'kept' | 'backoff'>;

/** Counts what has ended: what the status holds, and what is new. */
function assess({ job, pods, released, backoff }: JobWorld, active: readonly Pod[]): Assessment {
  const { completions = 0, backoffLimitPerIndex } = job.spec;
  const { succeeded = 0, failed = 0, completedIndexes, failedIndexes, uncountedTerminatedPods } = job.status ?? {};
  const uncounted = { succeeded: [], failed: [], ...uncountedTerminatedPods };
  const indexed = isIndexed(job);
  const held = pods.filter((pod) => isHeld(pod, released));
  const valid = indexed ? held.filter((pod) => validIndex(job, pod) !== undefined) : held;
  const isNew = (pod: Pod, uids: readonly string[]) => !uids.includes(pod.metadata.uid!);
  const newSucceeded = valid.filter((pod) => hasSucceeded(pod) && isNew(pod, uncounted.succeeded));
  const newFailed = valid.filter((pod) => hasFailed(job, pod) && isNew(pod, uncounted.failed));
  const indexesOf = (of: readonly Pod[]) => IndexSet.of(of.map((pod) => validIndex(job, pod)!));
  const succeededIndexes = indexed
    ? IndexSet.parse(completedIndexes, completions).union(indexesOf(valid.filter(hasSucceeded)))
    : IndexSet.empty;
  const assessment: Assessment = {
    succeeded: indexed ? succeededIndexes.size : succeeded + newSucceeded.length + uncounted.succeeded.length,
    failed: failed + newFailed.filter((pod) => judge(job, pod).counts).length + uncounted.failed.length,
    succeededIndexes,
    kept: new Map(),
    backoff: nextRecord(backoff, newSucceeded, newFailed),
  };
  if (!indexed || backoffLimitPerIndex === undefined) return assessment;
  const lost = valid.filter((pod) => {
    if (!hasFailed(job, pod)) return false;
    const { action, counts } = judge(job, pod);
    return action === 'FailIndex' || (counts && failuresBefore(pod) >= backoffLimitPerIndex);
  });
  const lostIndexes = IndexSet.parse(failedIndexes, completions).union(indexesOf(lost));
  const settledIndexes = succeededIndexes
    .union(lostIndexes)
    .union(indexesOf(active.filter((p) => validIndex(job, p) !== undefined)));
  return {
    ...assessment,
    failedIndexes: lostIndexes,
    kept: lastFailures(
      job,
      valid.filter((pod) => hasFailed(job, pod) && !settledIndexes.has(validIndex(job, pod)!)),
    ),
  };
}

/** The pod of each index that failed last. */
function lastFailures(job: Job, failed: readonly Pod[]): Map<number, Pod> {
  const last = new Map<number, Pod>();
  for (const pod of failed) {
    const index = validIndex(job, pod)!;
    const other = last.get(index);
    const later = !other || (allFailuresOf(other) <= allFailuresOf(pod) && finishedTime(other) <= finishedTime(pod));
    if (later) last.set(index, pod);
  }
  return last;
}

/** Is the Job done, whatever its active pods do? The first word on it stands: later pods change nothing. */
function decide(world: JobWorld, { failed, succeededIndexes, failedIndexes }: Assessment): Verdict | undefined {
  const { job, pods } = world;
  const { completions = 0, maxFailedIndexes, backoffLimit = 6, successPolicy } = job.spec;
  const told = (type: string): JobCondition | undefined =>
    job.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
  const as = (final: Verdict['final'], { reason = '', message = '' }: JobCondition) => ({ final, reason, message });
  const fail = (reason: string, message: string): Verdict => ({ final: 'Failed', reason, message });

  const succeeding = told('SuccessCriteriaMet');
  if (succeeding) return as('Complete', succeeding);
  const failing = told('FailureTarget');
  if (failing) return as('Failed', failing);
  for (const pod of pods) {
    const { failsJob } = hasFailed(job, pod) ? judge(job, pod) : {};
    if (failsJob !== undefined) return fail('PodFailurePolicy', failsJob);
  }
  if (failed > backoffLimit || hasRestartedTooOften(job, pods)) {
    return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const left = deadlineLeft(world);
  if (left !== undefined && left <= 0) {
    return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  if (!isIndexed(job)) return undefined;
  const lost = failedIndexes?.size ?? 0;
  if (failedIndexes && maxFailedIndexes !== undefined && lost > maxFailedIndexes) {
    return fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  if (lost > 0 && lost + succeededIndexes.size >= completions) return fail('FailedIndexes', 'Job has failed indexes');
  const met = metSuccessPolicy(successPolicy?.rules, succeededIndexes, completions);
  return met === undefined ? undefined : { final: 'Complete', reason: 'SuccessPolicy', message: met };
}

/** Plans the pods of a Job that goes on. */
function manage({ job, pods, now }: JobWorld, plan: JobPlan): void {
  const { parallelism = 1, completions, suspend, podReplacementPolicy } = job.spec;
  const { active, succeeded, succeededIndexes, failedIndexes, kept } = plan;
  plan.managed = true;
  plan.action = 'tracking';
  plan.untrack = true;
  if (suspend) {
    plan.remove = active;
    plan.action = 'pods_deleted';
    return;
  }
  const missingSuccesses = completions === undefined ? undefined : Math.max(0, completions - succeeded);
  const wanted =
    missingSuccesses === undefined
      ? // One success is enough; what runs then may end.
        succeeded > 0
        ? active.length
        : parallelism
      : Math.min(parallelism, missingSuccesses);
  plan.remove = surplus(job, active, Math.max(0, active.length - wanted), now).slice(0, CHANGES_AT_ONCE);
  if (plan.remove.length > 0) {
    plan.action = 'pods_deleted';
    return;
  }
  const waitsForEnd = podReplacementPolicy === 'Failed';
  const missing = Math.min(wanted - active.length - (waitsForEnd ? plan.terminating : 0), CHANGES_AT_ONCE);
  if (missing <= 0) return;
  plan.action = 'pods_created';
  const wait = hasLimitPerIndex(job) ? 0 : backoffLeft(plan.backoff, now);
  if (wait > 0) {
    plan.requeueAfter = wait;
    return;
  }
  if (!isIndexed(job)) {
    plan.create = Array.from({ length: missing }, () => ({}));
    return;
  }
  const busy = [...active, ...(waitsForEnd ? pods.filter(isPodTerminating) : [])].map(indexOf);
  const indexes = succeededIndexes
    .union(failedIndexes ?? IndexSet.empty)
    .union(IndexSet.of(busy.filter((index) => index !== undefined)))
    .missing(missing, completions ?? 0);
  const waits = indexes.map((index) => (hasLimitPerIndex(job) ? indexBackoffLeft(kept.get(index), now) : 0));
  plan.create = indexes
    .filter((_, at) => waits[at] === 0)
    .map((index) => ({ index, ...(kept.has(index) ? { replaces: kept.get(index)! } : {}) }));
  const later = waits.filter((left) => left > 0);
  if (later.length > 0) plan.requeueAfter = smallest(later, Infinity);
}

/** Active pods to remove: at least so many, and those of an Indexed Job that do not work on an index of their own. */
function surplus(job: Job, active: readonly Pod[], atLeast: number, now: number): Pod[] {
  const remove: Pod[] = [];
  if (isIndexed(job)) {
    const byIndex = new Map<number | undefined, Pod[]>();
    for (const pod of active) {
      const index = validIndex(job, pod);
      const same = byIndex.get(index);
      if (same) same.push(pod);
      else byIndex.set(index, [pod]);
    }
    for (const [index, same] of byIndex) {
      appendAll(remove, podsToDelete(same, [], index === undefined ? same.length : same.length - 1, now));
    }
  }
  const removed = new Set(remove);
  const left = active.filter((pod) => !removed.has(pod));
  return [...remove, ...podsToDelete(left, [], Math.max(0, atLeast - remove.length), now)];
}

/** Milliseconds that the Job may still be active. A Job that starts now has all of them. */
function deadlineLeft({ job, now }: JobWorld): number | undefined {
  const { activeDeadlineSeconds, suspend } = job.spec;
  if (activeDeadlineSeconds === undefined || suspend) return undefined;
  const start = job.status?.startTime === undefined ? now : Date.parse(job.status.startTime);
  return start + activeDeadlineSeconds * 1000 - now;
}

/** Containers that restart in their pods count together. */
function hasRestartedTooOften({ spec }: Job, pods: readonly Pod[]): boolean {
  if (spec.template.spec?.restartPolicy !== 'OnFailure') return false;
  const { backoffLimit = 6 } = spec;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    restarts += containers.reduce((sum, { restartCount }) => sum + restartCount, 0);
  }
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}
