import { type ObjectReference, referenceTo } from '#client';
import { type CronJob, type Job, parseCronSchedule, timeZoneProblem } from '#kinds';
import { type CronTimes, cronTimes } from './cron-times.js';
import { finishedCondition, isFinished } from './job-conditions.js';
import { localZone, timeZone } from './zoned-time.js';

/** What a CronJob's schedule and Jobs come to. Pure; times are milliseconds since the epoch. */

export const SCHEDULED_TIMESTAMP = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Added to each wait: the clock may be a little behind. */
const SLACK = 100;
/** More missed runs than this are told of. */
const MANY = 100;

export interface Told {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** A CronJob that runs nothing until its spec changes. */
export interface Unrunnable {
  /** Why; a suspended one needs no word. */
  event?: Told;
}

const warning = (reason: string, message: string): Told => ({ type: 'Warning', reason, message });

/** The times of the CronJob, or why there are none. Schedules with a zone inside come from before the field for it. */
export function timesOf({ spec }: CronJob): CronTimes | Unrunnable {
  const { suspend, timeZone: zone } = spec;
  const problem = zone === undefined ? undefined : timeZoneProblem(zone);
  if (problem !== undefined) {
    return { event: warning('UnknownTimeZone', `invalid timeZone: ${JSON.stringify(zone)}: ${problem}`) };
  }
  if (suspend) return {};
  return parsedTimes(spec);
}

export function parsedTimes({ schedule, timeZone: zone }: CronJob['spec']): CronTimes | Unrunnable {
  try {
    const parsed = parseCronSchedule(schedule);
    const name = parsed.timeZone ?? (schedule.includes('TZ') ? undefined : zone);
    return cronTimes(parsed, timeZone(name === undefined || name === 'Local' ? localZone() : name));
  } catch (error) {
    const text = `unparseable schedule: ${JSON.stringify(schedule)} : ${(error as Error).message}`;
    return { event: warning('UnparseableSchedule', text) };
  }
}

/** `UnsupportedSchedule` of a schedule with a zone inside. */
export function unsupported({ spec }: CronJob): Told | undefined {
  if (!spec.schedule.includes('TZ')) return undefined;
  const page = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/';
  const text = `CRON_TZ or TZ used in schedule ${JSON.stringify(spec.schedule)} is not officially supported, see ${page} for more details`;
  return warning('UnsupportedSchedule', text);
}

interface Missed {
  /** Since when runs were looked for. */
  since: number;
  /** The last run that is due. */
  due?: number;
  /** Roughly how many runs were due. */
  count: number;
}

/** Undefined when the schedule never fires. What the deadline has passed over is not looked at. */
function missedRuns(job: CronJob, times: CronTimes, now: number, withinDeadline: boolean): Missed | undefined {
  const { startingDeadlineSeconds: deadline } = job.spec;
  let since = Date.parse(job.status?.lastScheduleTime ?? job.metadata.creationTimestamp!);
  if (withinDeadline && deadline !== undefined) since = Math.max(since, now - deadline * 1000);
  const first = times.next(since);
  if (first === undefined) return undefined;
  if (now < first) return { since, count: 0 };
  const second = times.next(first);
  if (second === undefined) return undefined;
  if (now < second) return { since, due: first, count: 1 };
  const between = Math.round((second - first) / 1000) * 1000;
  const count = Math.floor((now - first) / between) + 1;
  // Not all of them are walked through: an estimate leads near the last one, and one step back to where irregular ones begin.
  let due: number | undefined;
  let at = times.next(first + (count - 2) * between);
  while (at !== undefined && at <= now) {
    due = at;
    at = times.next(at);
  }
  return { since, ...(due === undefined ? {} : { due }), count };
}

/** Milliseconds until the CronJob is to be looked at again. */
export function untilNextRun(job: CronJob, times: CronTimes, now: number): number {
  const missed = missedRuns(job, times, now, false);
  const from = missed?.due ?? (missed?.count === 0 ? missed.since : now);
  const next = times.next(from);
  return next === undefined ? NEVER : Math.max(0, next + SLACK - now);
}

/** A schedule that does not fire within five years is looked at each day. */
const NEVER = 86_400_000;

export interface Run {
  /** When it was due. */
  time: number;
  /** Active Jobs to delete first. */
  replace: readonly ObjectReference[];
}

export interface RunDecision {
  run?: Run;
  events: readonly Told[];
}

/** Is a Job to be started now? `active` are those of the CronJob that still run. */
export function decideRun(
  job: CronJob,
  active: readonly ObjectReference[],
  times: CronTimes,
  now: number,
): RunDecision {
  const missed = missedRuns(job, times, now, true);
  if (!missed) {
    const text = `invalid schedule: ${job.spec.schedule} : time difference between two schedules is less than 1 second`;
    return { events: [warning('InvalidSchedule', text)] };
  }
  const { due } = missed;
  if (due === undefined) return { events: [] };
  const events: Told[] = [];
  if (missed.count > MANY) {
    const text = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
    events.push(warning('TooManyMissedTimes', text));
  }
  const { concurrencyPolicy } = job.spec;
  const { lastScheduleTime } = job.status ?? {};
  const name = jobName(job, due);
  const started = active.some((reference) => reference.name === name);
  if (started || (lastScheduleTime !== undefined && Date.parse(lastScheduleTime) === due)) return { events };
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const text = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return { events: [...events, { type: 'Normal', reason: 'JobAlreadyActive', message: text }] };
  }
  return { run: { time: due, replace: concurrencyPolicy === 'Replace' ? active : [] }, events };
}

/** One name for each run: it is made once, whoever makes it. */
export function jobName({ metadata }: CronJob, time: number): string {
  return `${metadata.name}-${Math.floor(time / 60_000)}`;
}

export function buildJob(owner: CronJob, time: number): Job {
  const { jobTemplate, timeZone: zone = '' } = owner.spec;
  const { labels, annotations } = jobTemplate.metadata ?? {};
  const { apiVersion, kind } = owner;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(owner, time),
      namespace: owner.metadata.namespace,
      labels: { ...labels },
      annotations: { ...annotations, [SCHEDULED_TIMESTAMP]: timeZone(zone).text(time) },
      ownerReferences: [
        {
          ...{ apiVersion, kind, name: owner.metadata.name!, uid: owner.metadata.uid! },
          ...{ controller: true, blockOwnerDeletion: true },
        },
      ],
    },
    spec: jobTemplate.spec!,
  };
}

/** Ended Jobs beyond the limits of the CronJob, those that started first. */
export function expiredJobs({ spec }: CronJob, jobs: readonly Job[]): Job[] {
  const beyond = (type: string, limit: number | undefined) => {
    const ended = jobs.filter((job) => finishedCondition(job)?.type === type).sort(byStart);
    return limit === undefined ? [] : ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond('Complete', spec.successfulJobsHistoryLimit), ...beyond('Failed', spec.failedJobsHistoryLimit)];
}

function byStart(a: Job, b: Job): number {
  const start = ({ status }: Job) => (status?.startTime ? Date.parse(status.startTime) : Number.POSITIVE_INFINITY);
  if (start(a) !== start(b)) return start(a) < start(b) ? -1 : 1;
  return a.metadata.name! < b.metadata.name! ? -1 : 1;
}

export interface JobsSeen {
  active: ObjectReference[];
  lastSuccessfulTime: string | undefined;
  events: Told[];
  /** Unfinished Jobs of the CronJob that it does not have among its active ones. */
  unexpected: Job[];
  /** Active ones of which no Job is there. */
  missing: ObjectReference[];
}

/** What the Jobs of a CronJob say of its status. */
export function seeJobs(owner: CronJob, jobs: readonly Job[]): JobsSeen {
  const seen: JobsSeen = {
    active: [...((owner.status?.active ?? []) as ObjectReference[])],
    lastSuccessfulTime: owner.status?.lastSuccessfulTime,
    events: [],
    unexpected: [],
    missing: [],
  };
  for (const job of jobs) {
    const { uid, name } = job.metadata;
    const at = seen.active.findIndex((reference) => reference.uid === uid);
    if (!isFinished(job)) {
      if (at === -1) seen.unexpected.push(job);
      continue;
    }
    const type = finishedCondition(job)!.type;
    if (at !== -1) {
      seen.active.splice(at, 1);
      const message = `Saw completed job: ${name}, condition: ${type}`;
      seen.events.push({ type: 'Normal', reason: 'SawCompletedJob', message });
    }
    const { completionTime } = job.status ?? {};
    if (type !== 'Complete' || completionTime === undefined) continue;
    const { lastSuccessfulTime: last } = seen;
    if (last === undefined || Date.parse(completionTime) > Date.parse(last)) seen.lastSuccessfulTime = completionTime;
  }
  const uids = new Set(jobs.map((job) => job.metadata.uid));
  seen.missing = seen.active.filter((reference) => !uids.has(reference.uid));
  return seen;
}

export const activeReference = (job: Job): ObjectReference => referenceTo(job);
