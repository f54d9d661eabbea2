import assert from 'node:assert/strict';
import type { ObjectReference } from '#client';
import type { CronJob, CronJobSpec, CronJobStatus, Job } from '#kinds';
import { buildJob, decideRun, expiredJobs, seeJobs, timesOf, unsupported, untilNextRun } from './cron-job.plan.js';
import type { CronTimes } from './cron-times.js';

const HOURLY = '0 * * * *';
const at = (text: string) => Date.parse(`2030-01-01T${text}Z`);
const iso = (text: string) => `2030-01-01T${text}Z`;
const reference = (name: string): ObjectReference => ({
  kind: 'Job',
  apiVersion: 'batch/v1',
  namespace: 'ns',
  name,
  uid: name,
});

function cronJob(spec: Partial<CronJobSpec> = {}, status: CronJobStatus = {}): CronJob {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'cron', namespace: 'ns', uid: 'cron', creationTimestamp: iso('08:30:00') },
    spec: {
      schedule: HOURLY,
      concurrencyPolicy: 'Allow',
      timeZone: 'UTC',
      jobTemplate: {
        metadata: { labels: { a: 'b' }, annotations: { x: 'y' } },
        spec: { template: { spec: { containers: [] } } },
      },
      ...spec,
    },
    status,
  };
}

const times = (job: CronJob) => timesOf(job) as CronTimes;
/** What happens at a time, in short. */
function decided(job: CronJob, now: string, active: string[] = []): string[] {
  const { run, events } = decideRun(job, active.map(reference), times(job), at(now));
  return [
    ...events.map(({ reason }) => reason),
    ...(run ? [new Date(run.time).toISOString().slice(11, 19), ...run.replace.map(({ name }) => `-${name}`)] : []),
  ];
}

describe('the run of a CronJob', () => {
  const rows: [behaviour: string, job: CronJob, now: string, active: string[], expected: string[]][] = [
    ['waits for its first time', cronJob(), '08:59:59', [], []],
    ['starts at its time', cronJob(), '09:00:00', [], ['09:00:00']],
    ['starts late', cronJob(), '09:59:00', [], ['09:00:00']],
    ['starts only the last of several that were missed', cronJob(), '12:10:00', [], ['12:00:00']],
    ['does not start a run twice', cronJob({}, { lastScheduleTime: iso('09:00:00') }), '09:00:10', [], []],
    ['starts the next one', cronJob({}, { lastScheduleTime: iso('09:00:00') }), '10:00:00', [], ['10:00:00']],
    ['does not start a run whose Job is active', cronJob(), '09:00:10', [`cron-${at('09:00:00') / 60_000}`], []],
    ['runs beside another', cronJob(), '09:00:00', ['old'], ['09:00:00']],
    [
      'does not run beside another where that is forbidden',
      cronJob({ concurrencyPolicy: 'Forbid' }),
      '09:00:00',
      ['old'],
      ['JobAlreadyActive'],
    ],
    ['runs where nothing else does', cronJob({ concurrencyPolicy: 'Forbid' }), '09:00:00', [], ['09:00:00']],
    ['replaces what runs', cronJob({ concurrencyPolicy: 'Replace' }), '09:00:00', ['old'], ['09:00:00', '-old']],
    ['keeps to its deadline', cronJob({ startingDeadlineSeconds: 60 }), '09:00:59', [], ['09:00:00']],
    ['does not look behind its deadline', cronJob({ startingDeadlineSeconds: 60 }), '09:02:00', [], []],
    ['misses every run with a deadline of nothing', cronJob({ startingDeadlineSeconds: 0 }), '09:00:00', [], []],
    [
      'tells of more than 100 missed runs',
      cronJob({ schedule: '* * * * *' }),
      '10:12:00',
      [],
      ['TooManyMissedTimes', '10:12:00'],
    ],
    ['says nothing of 100', cronJob({ schedule: '* * * * *' }), '10:10:00', [], ['10:10:00']],
    ['finds the last of irregular times', cronJob({ schedule: '30 6-16/4 * * *' }), '16:00:00', [], ['14:30:00']],
    [
      'passes over one behind which nothing came for long, as the reference does',
      cronJob({ schedule: '30 6-16/4 * * *' }),
      '19:00:00',
      [],
      [],
    ],
    ['refuses a schedule that never fires', cronJob({ schedule: '59 23 31 2 *' }), '09:00:00', [], ['InvalidSchedule']],
  ];
  for (const [behaviour, job, now, active, expected] of rows) {
    it(behaviour, () => assert.deepEqual(decided(job, now, active), expected));
  }

  it('comes after the time of the last one', () => {
    const job = cronJob({}, { lastScheduleTime: iso('09:00:00') });
    assert.equal(untilNextRun(job, times(job), at('09:10:00')), 50 * 60_000 + 100);
    assert.equal(untilNextRun(cronJob(), times(job), at('08:59:00')), 60_000 + 100);
    assert.equal(untilNextRun(cronJob(), times(job), at('12:10:00')), 50 * 60_000 + 100);
  });

  it('is none while suspended, in no known zone, or by no schedule', () => {
    assert.deepEqual(timesOf(cronJob({ suspend: true })), {});
    const reasons = [cronJob({ timeZone: 'Mars/Phobos' }), cronJob({ schedule: 'never' })].map((job) => timesOf(job));
    assert.deepEqual(reasons, [
      {
        event: {
          type: 'Warning',
          reason: 'UnknownTimeZone',
          message: 'invalid timeZone: "Mars/Phobos": unknown time zone Mars/Phobos',
        },
      },
      {
        event: {
          type: 'Warning',
          reason: 'UnparseableSchedule',
          message: 'unparseable schedule: "never" : expected exactly 5 fields, found 1: [never]',
        },
      },
    ]);
  });

  it('follows the clocks of its zone, also of one inside the schedule', () => {
    const berlin = cronJob({ schedule: '0 9 * * *', timeZone: 'Europe/Berlin' });
    assert.equal(times(berlin).next(at('00:00:00')), at('08:00:00'));
    const inside = cronJob({ schedule: 'TZ=Asia/Tokyo 0 9 * * *' });
    assert.equal(times(inside).next(at('00:00:00')), Date.parse('2030-01-02T00:00:00Z'));
    assert.equal(unsupported(inside)?.reason, 'UnsupportedSchedule');
    assert.equal(unsupported(berlin), undefined);
  });
});

describe('the Job of a CronJob', () => {
  it('has the name of its minute, and says when it was due on the clocks of its zone', () => {
    const { metadata } = buildJob(cronJob({ timeZone: 'Europe/Berlin' }), at('09:00:00'));
    assert.equal(metadata.name, `cron-${at('09:00:00') / 60_000}`);
    assert.deepEqual(metadata.labels, { a: 'b' });
    assert.deepEqual(metadata.annotations, {
      x: 'y',
      'batch.kubernetes.io/cronjob-scheduled-timestamp': '2030-01-01T10:00:00+01:00',
    });
    assert.equal(metadata.ownerReferences?.[0]?.controller, true);
  });
});

function job(name: string, type?: 'Complete' | 'Failed', start?: string, end?: string): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'ns', uid: name },
    spec: { template: {} },
    status: {
      ...(start ? { startTime: iso(start) } : {}),
      ...(end ? { completionTime: iso(end) } : {}),
      conditions: type ? [{ type, status: 'True' }] : [],
    },
  };
}

describe('the Jobs of a CronJob', () => {
  it('are kept up to its limits, the last ones', () => {
    const jobs = [
      job('b', 'Complete', '09:00:00'),
      job('a', 'Complete', '09:00:00'),
      job('c', 'Complete', '10:00:00'),
      job('d', 'Failed', '09:00:00'),
      job('e', 'Failed'),
      job('f'),
    ];
    const expired = (spec: Partial<CronJobSpec>) =>
      expiredJobs(cronJob(spec), jobs).map(({ metadata }) => metadata.name);
    assert.deepEqual(expired({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 }), ['a', 'b', 'd']);
    assert.deepEqual(expired({ successfulJobsHistoryLimit: 0 }), ['a', 'b', 'c']);
    assert.deepEqual(expired({}), []);
  });

  it('leave the status when they have ended, and leave their time', () => {
    const status: CronJobStatus = {
      active: ['a', 'b', 'gone'].map(reference) as CronJobStatus['active'],
      lastSuccessfulTime: iso('08:00:00'),
    };
    const seen = seeJobs(cronJob({}, status), [
      job('a', 'Complete', '09:00:00', '09:05:00'),
      job('b'),
      job('c', 'Complete', '07:00:00', '07:05:00'),
      job('d'),
    ]);
    assert.deepEqual(
      seen.active.map(({ name }) => name),
      ['b', 'gone'],
    );
    assert.equal(seen.lastSuccessfulTime, iso('09:05:00'));
    assert.deepEqual(
      seen.events.map(({ message }) => message),
      ['Saw completed job: a, condition: Complete'],
    );
    assert.deepEqual(
      seen.unexpected.map(({ metadata }) => metadata.name),
      ['d'],
    );
    assert.deepEqual(
      seen.missing.map(({ name }) => name),
      ['gone'],
    );
  });
});
