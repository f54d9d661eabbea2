import { largest } from '#apimachinery';
import type { Job, JobCondition, JobStatus, Pod } from '#kinds';
import { isPodReady } from '../workload/pods.js';
import { formatIndexes, indexOf, parseIndexes } from './completion-indexes.js';

/** What a Job's pods mean for it, and which come and go. Pure; times are milliseconds since the epoch. */

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';
const BACKOFF_INITIAL = 10_000;
const BACKOFF_MAX = 600_000;

export interface JobWorld {
  job: Job;
  pods: readonly Pod[];
  now: number;
  timestamp: string;
}

export interface JobPlan {
  status: JobStatus;
  /** Pods whose end the status now holds: their finalizer may go, once the status is written. */
  release: Pod[];
  remove: Pod[];
  /** Completion indexes of the pods to create; undefined elements for a Job that is not indexed. */
  create: (number | undefined)[];
  /** Milliseconds after which to look again. */
  requeueAfter?: number;
}

const isDeleting = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined;
const hasFinalizer = (pod: Pod) => (pod.metadata.finalizers ?? []).includes(TRACKING_FINALIZER);

export function isIndexed(job: Job): boolean {
  return job.spec.completionMode === 'Indexed';
}

export function isFinished(job: Job): boolean {
  return (job.status?.conditions ?? []).some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

function replacesOnlyFailed(job: Job): boolean {
  return job.spec.podReplacementPolicy === 'Failed';
}

function hasSucceeded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded';
}

/** A pod that is being deleted has failed, unless replacements wait until it has really ended. */
function hasFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return isDeleting(pod) && !hasSucceeded(pod) && !replacesOnlyFailed(job);
}

export function planJob({ job, pods, now, timestamp }: JobWorld): JobPlan {
  const before: JobStatus = job.status ?? {};
  const status: JobStatus = { ...before, startTime: before.startTime ?? (job.spec.suspend ? undefined : timestamp) };
  const counted = countEnded(job, pods, status);
  const active = pods.filter((pod) => !hasSucceeded(pod) && !hasFailed(job, pod) && !isDeleting(pod));
  const terminating = pods.filter((pod) => isDeleting(pod) && pod.status?.phase !== 'Failed' && !hasSucceeded(pod));
  const conditions = new Conditions(before.conditions ?? [], timestamp);
  const verdict = judge(job, counted, active, now, conditions);
  const plan: JobPlan = { status, release: counted.release, remove: [], create: [] };
  if (verdict) {
    plan.remove = active;
    const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
    const ended = active.length + terminating.length + succeeded.length + failed.length === 0;
    if (ended) conditions.set(verdict.final, verdict.reason, verdict.message);
    if (conditions.has('Complete')) status.completionTime ??= timestamp;
  } else if (job.spec.suspend) {
    plan.remove = active;
    if (!conditions.has('Suspended')) conditions.set('Suspended', 'JobSuspended', 'Job suspended');
    delete status.startTime;
  } else {
    if (conditions.has('Suspended')) {
      conditions.set('Suspended', 'JobResumed', 'Job resumed', 'False');
      status.startTime = timestamp;
    }
    planPods(job, pods, active, terminating.length, counted, now, plan);
    const deadline = deadlineLeft(job, status.startTime, now);
    if (deadline !== undefined) plan.requeueAfter = Math.min(plan.requeueAfter ?? deadline, deadline);
  }
  setCount(status, 'active', active.length - (verdict || job.spec.suspend ? plan.remove.length : 0));
  // Pods on their way out are no longer active, and so not ready either: the API refuses more ready ones than active.
  status.ready = verdict || job.spec.suspend ? 0 : active.filter(isPodReady).length;
  status.terminating = terminating.length + (verdict || job.spec.suspend ? plan.remove.length : 0);
  if (conditions.list.length > 0) status.conditions = conditions.list;
  return plan;
}

interface Counted {
  succeeded: number;
  failed: number;
  indexes: Set<number>;
  release: Pod[];
  /** Ends of failed pods since the last success. */
  failures: number[];
}

/**
 * Counts each pod's end exactly once: its uid is in the status before its finalizer goes, and leaves the status only
 * when the finalizer has gone. A crash in between repeats a step, never the counting.
 */
function countEnded(job: Job, pods: readonly Pod[], status: JobStatus): Counted {
  const byUid = new Map(pods.map((pod) => [pod.metadata.uid!, pod]));
  const held = (uid: string) => byUid.has(uid) && hasFinalizer(byUid.get(uid)!);
  const uncounted = status.uncountedTerminatedPods ?? {};
  const indexes = parseIndexes(status.completedIndexes);
  const settle = (uids: readonly string[]) => {
    const waiting = uids.filter(held);
    return { waiting, done: uids.length - waiting.length };
  };
  const good = settle(uncounted.succeeded ?? []);
  const bad = settle(uncounted.failed ?? []);
  const release: Pod[] = [];
  for (const pod of pods) {
    const uid = pod.metadata.uid!;
    const succeeded = hasSucceeded(pod);
    if (!hasFinalizer(pod) || !(succeeded || hasFailed(job, pod))) continue;
    release.push(pod);
    const list = succeeded ? good.waiting : bad.waiting;
    if (isIndexed(job) && succeeded) {
      const index = indexOf(pod);
      if (index !== undefined && index < (job.spec.completions ?? 0)) indexes.add(index);
    } else if (!list.includes(uid)) list.push(uid);
  }
  if (isIndexed(job)) {
    status.completedIndexes = formatIndexes(indexes) || undefined;
    setCount(status, 'succeeded', indexes.size);
  } else setCount(status, 'succeeded', (status.succeeded ?? 0) + good.done);
  setCount(status, 'failed', (status.failed ?? 0) + bad.done);
  status.uncountedTerminatedPods = {
    ...(good.waiting.length > 0 ? { succeeded: good.waiting } : {}),
    ...(bad.waiting.length > 0 ? { failed: bad.waiting } : {}),
  };
  const lastSuccess = largest(pods.filter(hasSucceeded).map(endOf), 0);
  return {
    succeeded: (status.succeeded ?? 0) + (isIndexed(job) ? 0 : good.waiting.length),
    failed: (status.failed ?? 0) + bad.waiting.length,
    indexes,
    release,
    failures: pods
      .filter((pod) => pod.status?.phase === 'Failed')
      .map(endOf)
      .filter((end) => end > lastSuccess),
  };
}

interface Verdict {
  final: 'Complete' | 'Failed';
  reason: string;
  message: string;
}

/** Is the Job done? The first word on it stands: later pods change nothing. */
function judge(
  job: Job,
  counted: Counted,
  active: readonly Pod[],
  now: number,
  conditions: Conditions,
): Verdict | undefined {
  const told = conditions.find('SuccessCriteriaMet') ?? conditions.find('FailureTarget');
  if (told) {
    const final = told.type === 'FailureTarget' ? 'Failed' : 'Complete';
    return { final, reason: told.reason ?? '', message: told.message ?? '' };
  }
  const fail = (reason: string, message: string): Verdict => {
    conditions.set('FailureTarget', reason, message);
    return { final: 'Failed', reason, message };
  };
  const limit = job.spec.backoffLimit ?? 6;
  const restarts = job.spec.template.spec?.restartPolicy === 'OnFailure' ? restartsOf(active) : 0;
  if (counted.failed > limit || (restarts > 0 && restarts >= limit && limit > 0) || (limit === 0 && restarts > 0)) {
    return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const left = deadlineLeft(job, job.status?.startTime, now);
  if (!job.spec.suspend && left !== undefined && left <= 0) {
    return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  const { completions } = job.spec;
  const done =
    completions === undefined ? counted.succeeded > 0 && active.length === 0 : counted.succeeded >= completions;
  if (!done) return undefined;
  const [reason, message] = ['CompletionsReached', 'Reached expected number of succeeded pods'];
  conditions.set('SuccessCriteriaMet', reason, message);
  return { final: 'Complete', reason, message };
}

function planPods(
  job: Job,
  pods: readonly Pod[],
  active: readonly Pod[],
  terminating: number,
  counted: Counted,
  now: number,
  plan: JobPlan,
): void {
  const parallelism = job.spec.parallelism ?? 1;
  const { completions } = job.spec;
  const wanted =
    completions === undefined
      ? counted.succeeded > 0
        ? Math.min(active.length, parallelism)
        : parallelism
      : Math.min(parallelism, Math.max(0, completions - counted.succeeded));
  if (active.length > wanted) {
    const surplus = [...active].sort((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)));
    plan.remove = surplus.slice(0, active.length - wanted);
    return;
  }
  const missing = wanted - active.length - (replacesOnlyFailed(job) ? terminating : 0);
  if (missing <= 0) return;
  const wait = backoffLeft(counted.failures, now);
  if (wait > 0) {
    plan.requeueAfter = wait;
    return;
  }
  if (!isIndexed(job)) {
    plan.create = Array.from({ length: missing }, () => undefined);
    return;
  }
  const busy = new Set(active.map(indexOf));
  if (replacesOnlyFailed(job)) for (const pod of pods) if (isDeleting(pod)) busy.add(indexOf(pod));
  for (let index = 0; index < (completions ?? 0) && plan.create.length < missing; index++) {
    if (!counted.indexes.has(index) && !busy.has(index)) plan.create.push(index);
  }
}

/** Milliseconds to wait before pods that failed are replaced: 10 s, doubling with each failure in a row. */
function backoffLeft(failures: readonly number[], now: number): number {
  if (failures.length === 0) return 0;
  const delay = Math.min(BACKOFF_INITIAL * 2 ** (failures.length - 1), BACKOFF_MAX);
  return largest(failures, Number.NEGATIVE_INFINITY) + delay - now;
}

/** When the last container of a pod ended. */
function endOf(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(({ state }) =>
    Date.parse(state?.terminated?.finishedAt ?? ''),
  );
  const last = largest(
    ends.filter((end) => !Number.isNaN(end)),
    Number.NEGATIVE_INFINITY,
  );
  return Number.isFinite(last) ? last : Date.parse(pod.metadata.deletionTimestamp ?? pod.metadata.creationTimestamp!);
}

function deadlineLeft(job: Job, startTime: string | undefined, now: number): number | undefined {
  const seconds = job.spec.activeDeadlineSeconds;
  return seconds === undefined || startTime === undefined ? undefined : Date.parse(startTime) + seconds * 1000 - now;
}

function restartsOf(pods: readonly Pod[]): number {
  let sum = 0;
  for (const { status } of pods) {
    for (const { restartCount } of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
      sum += restartCount;
    }
  }
  return sum;
}

/** Zero is not written. */
function setCount(status: JobStatus, field: 'active' | 'succeeded' | 'failed', value: number): void {
  if (value > 0) status[field] = value;
  else delete status[field];
}

class Conditions {
  readonly list: JobCondition[];

  constructor(
    conditions: readonly JobCondition[],
    private readonly timestamp: string,
  ) {
    this.list = [...conditions];
  }

  find(type: string): JobCondition | undefined {
    return this.list.find((condition) => condition.type === type && condition.status === 'True');
  }

  has(type: string): boolean {
    return this.find(type) !== undefined;
  }

  set(type: string, reason: string, message: string, status: 'True' | 'False' = 'True'): void {
    const at = this.list.findIndex((condition) => condition.type === type);
    const times = { lastProbeTime: this.timestamp, lastTransitionTime: this.timestamp };
    const condition: JobCondition = { type, status, ...times, reason, message };
    if (at === -1) this.list.push(condition);
    else this.list[at] = condition;
  }
}
