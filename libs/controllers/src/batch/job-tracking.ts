import type { Job, JobStatus, Pod } from '#kinds';
import { isPodReady } from '../workload/pods.js';
import {
  hasFailed,
  hasSucceeded,
  isHeld,
  isIndexed,
  type JobPlan,
  type JobWorld,
  judge,
  type Verdict,
  validIndex,
} from './job.plan.js';
import { JobConditions } from './job-conditions.js';

/**
 * How the end of each pod is counted exactly once: its uid is in `uncountedTerminatedPods` before its finalizer goes, and it
 * moves to the counter only when the finalizer has gone. A crash in between repeats a step, never the counting. Successes of an
 * Indexed Job need no uids: their indexes are a set.
 */

/** Uids that a status may hold: they stay below 20 KB. */
const UNCOUNTED_LIMIT = 500;

/** What carrying out the plan came to. */
export interface JobOutcome {
  /** Pods that are deleted, or gone. */
  removed: readonly Pod[];
  created: number;
}

export interface JobTracking {
  /** To be written first. */
  status: JobStatus;
  /** Pods whose finalizers may go then. */
  release: readonly Pod[];
  /** What ends the Job once nothing is left to count. */
  verdict?: Verdict;
  /** Whether all pods that have ended are among `release`. */
  whole: boolean;
  /** How often each action of the pod failure policy was applied. */
  actions: ReadonlyMap<string, number>;
}

export function trackJob(world: JobWorld, plan: JobPlan, outcome: JobOutcome, timestamp: string): JobTracking {
  const { job } = world;
  const before: JobStatus = job.status ?? {};
  const conditions = new JobConditions(before.conditions, timestamp);
  const verdict = verdictOf(world, plan, outcome);
  const status: JobStatus = { ...before, startTime: before.startTime ?? (job.spec.suspend ? undefined : timestamp) };
  if (plan.managed && !verdict) tellSuspension(job, status, conditions, timestamp);
  countActive(status, plan, outcome);
  const { release, whole, actions } = countEnded(world, plan, status, verdict);
  if (verdict?.final === 'Failed') conditions.set('FailureTarget', verdict.reason, verdict.message);
  if (verdict?.final === 'Complete' && !conditions.find('SuccessCriteriaMet')) {
    conditions.set('SuccessCriteriaMet', verdict.reason, verdict.message);
  }
  if (conditions.list.length > 0) status.conditions = conditions.list;
  if (status.startTime === undefined) delete status.startTime;
  return { status, release, ...(verdict ? { verdict } : {}), whole, actions };
}

/** The status once the finalizers of `released` are gone: their uids become numbers, and the Job may have ended. */
export function settleJob(
  { status, verdict, whole }: JobTracking,
  stillHeld: (uid: string) => boolean,
  timestamp: string,
): JobStatus {
  const settled = { ...status };
  moveToCounters(settled, stillHeld);
  const { succeeded = [], failed = [] } = settled.uncountedTerminatedPods ?? {};
  if (!verdict || !whole || succeeded.length + failed.length + (settled.terminating ?? 0) > 0) return settled;
  const conditions = new JobConditions(settled.conditions, timestamp);
  conditions.set(verdict.final, verdict.reason, verdict.message);
  settled.conditions = conditions.list;
  if (verdict.final === 'Complete') settled.completionTime = timestamp;
  return settled;
}

/** What is decided, and can be told: as long as pods are not gone that should be, nothing is. */
function verdictOf({ job, settled }: JobWorld, plan: JobPlan, { removed, created }: JobOutcome): Verdict | undefined {
  const active = plan.active.length - removed.length + created;
  if (plan.verdict) return settled && active === 0 ? plan.verdict : undefined;
  const { completions } = job.spec;
  const enough = completions === undefined ? plan.succeeded > 0 : plan.succeeded >= completions;
  if (!enough || active > 0) return undefined;
  return { final: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
}

function tellSuspension(job: Job, status: JobStatus, conditions: JobConditions, timestamp: string): void {
  if (job.spec.suspend) {
    if (conditions.set('Suspended', 'JobSuspended', 'Job suspended')) delete status.startTime;
  } else if (conditions.set('Suspended', 'JobResumed', 'Job resumed', 'False')) {
    // The deadline counts from here on.
    status.startTime = timestamp;
  }
}

function countActive(status: JobStatus, { active, terminating }: JobPlan, { removed, created }: JobOutcome): void {
  const gone = new Set(removed);
  setCount(status, 'active', active.length - removed.length + created);
  status.ready = active.filter((pod) => !gone.has(pod) && isPodReady(pod)).length;
  status.terminating = terminating + removed.length;
}

function countEnded(
  { job, pods, released }: JobWorld,
  { succeededIndexes, failedIndexes, kept }: JobPlan,
  status: JobStatus,
  verdict: Verdict | undefined,
): Pick<JobTracking, 'release' | 'whole' | 'actions'> {
  const indexed = isIndexed(job);
  const held = pods.filter((pod) => isHeld(pod, released));
  const heldUids = new Set(held.map((pod) => pod.metadata.uid!));
  moveToCounters(status, (uid) => heldUids.has(uid));
  const succeeded = [...(status.uncountedTerminatedPods?.succeeded ?? [])];
  const failed = [...(status.uncountedTerminatedPods?.failed ?? [])];
  const known = new Set([...succeeded, ...failed]);
  const release: Pod[] = [];
  const actions = new Map<string, number>();
  let newIndexes = 0;
  let whole = true;
  for (const pod of held) {
    const uid = pod.metadata.uid!;
    const failure = hasFailed(job, pod);
    const ends = job.metadata.deletionTimestamp !== undefined || verdict !== undefined || hasSucceeded(pod);
    const waits = indexed && failure && kept.get(validIndex(job, pod) ?? -1) === pod;
    if (!ends && (!failure || waits)) continue;
    release.push(pod);
    const counts = !known.has(uid) && (!indexed || validIndex(job, pod) !== undefined);
    if (hasSucceeded(pod)) {
      if (indexed) newIndexes++;
      else if (counts) succeeded.push(uid);
    } else if (counts && (failure || verdict?.final === 'Failed')) {
      const { action, counts: fails } = judge(job, pod);
      if (action !== undefined) actions.set(action, (actions.get(action) ?? 0) + 1);
      if (fails) failed.push(uid);
    }
    if (newIndexes + succeeded.length + failed.length >= UNCOUNTED_LIMIT) {
      whole = false;
      break;
    }
  }
  status.uncountedTerminatedPods = {
    ...(succeeded.length > 0 ? { succeeded } : {}),
    ...(failed.length > 0 ? { failed } : {}),
  };
  if (indexed) {
    const text = succeededIndexes.toString();
    if (text === '') delete status.completedIndexes;
    else status.completedIndexes = text;
    setCount(status, 'succeeded', succeededIndexes.size);
    if (failedIndexes) status.failedIndexes = failedIndexes.toString();
    else delete status.failedIndexes;
  }
  return { release, whole, actions };
}

/** Counts the uids whose pods are no longer held. */
function moveToCounters(status: JobStatus, isHeldUid: (uid: string) => boolean): void {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const left = { succeeded: succeeded.filter(isHeldUid), failed: failed.filter(isHeldUid) };
  setCount(status, 'succeeded', (status.succeeded ?? 0) + succeeded.length - left.succeeded.length);
  setCount(status, 'failed', (status.failed ?? 0) + failed.length - left.failed.length);
  status.uncountedTerminatedPods = {
    ...(left.succeeded.length > 0 ? { succeeded: left.succeeded } : {}),
    ...(left.failed.length > 0 ? { failed: left.failed } : {}),
  };
}

/** Zero is not written. */
function setCount(status: JobStatus, field: 'active' | 'succeeded' | 'failed', value: number): void {
  if (value > 0) status[field] = value;
  else delete status[field];
}
