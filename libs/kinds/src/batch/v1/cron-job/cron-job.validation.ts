import type { FieldError } from '#apimachinery';
import { shownSelector } from '../../../apps/v1/workload.validation.js';
import type { KindValidator } from '../../../contract/kind-module.js';
import { withLeniency } from '../../../core/v1/pod/pod-template.validation.js';
import type { CronJob, CronJobSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkJobSpec } from '../job/job-spec.validation.js';
import { parseCronSchedule, timeZoneProblem } from './cron-schedule.js';

export const cronJobValidator: KindValidator = {
  rules: [
    'spec.schedule is required',
    'spec.jobTemplate is required',
    'schedule: 5 cron fields or @hourly-style; no TZ or CRON_TZ inside',
    'timeZone: IANA name, not empty, not Local',
    'not negative: startingDeadlineSeconds, successfulJobsHistoryLimit, failedJobsHistoryLimit',
    'jobTemplate selector and manualSelector must be unset',
    'concurrencyPolicy is one of Allow, Forbid, Replace',
  ],
  validateCreate: (job: CronJob) => check(job, undefined),
  validateUpdate(job: CronJob, old: CronJob, { subresource }) {
    // Its status has no rules.
    return subresource === 'status' ? [] : check(job, old);
  },
};

const concurrencyPolicies = ['Allow', 'Forbid', 'Replace'];

function check({ spec }: CronJob, old: CronJob | undefined): FieldError[] {
  return withLeniency(old?.spec.jobTemplate?.spec?.template, (lenient) => {
    const at = new FieldCursor('spec');
    const { jobTemplate } = spec;
    checkSchedule(at, spec, old?.spec);
    at.notNegative('startingDeadlineSeconds', spec.startingDeadlineSeconds);
    if (old === undefined || old.spec.timeZone !== spec.timeZone) checkTimeZone(at, spec.timeZone);
    at.choice('concurrencyPolicy', spec.concurrencyPolicy, concurrencyPolicies);
    const job = jobTemplate?.spec;
    at.enter('jobTemplate');
    at.enter('spec');
    checkJobSpec(at, job ?? { template: {} }, lenient);
    if (job?.selector !== undefined) {
      at.invalid('selector', shownSelector(job.selector), '`selector` will be auto-generated');
    }
    if (job?.manualSelector === true) at.notSupported('manualSelector', true, ['nil', 'false']);
    at.leave(2);
    at.notNegative('successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
    at.notNegative('failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
    return at;
  }).errors;
}

/** Zones inside a schedule came before the field for them: stored ones may keep them. */
function checkSchedule(at: FieldCursor, { schedule, timeZone }: CronJobSpec, old: CronJobSpec | undefined): void {
  if (!schedule) {
    at.required('schedule');
    return;
  }
  try {
    parseCronSchedule(schedule);
  } catch (error) {
    at.invalid('schedule', schedule, (error as Error).message);
  }
  if (!schedule.includes('TZ')) return;
  if (old?.schedule.includes('TZ') !== true) {
    at.invalid('schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  } else if (timeZone !== undefined) {
    at.invalid('schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule');
  }
}

const zonePart = /^[A-Za-z.\-_0-9+]{1,14}$/;

function checkTimeZone(at: FieldCursor, zone: string | undefined): void {
  if (zone === undefined) return;
  if (zone === '') {
    at.invalid('timeZone', zone, 'timeZone must be nil or non-empty string');
    return;
  }
  const bad = (part: string): boolean => part === '.' || part === '..' || part.startsWith('-') || !zonePart.test(part);
  if (zone.split('/').some(bad)) {
    at.invalid('timeZone', zone, `unknown time zone ${zone}`);
    return;
  }
  if (zone.toLowerCase() === 'local') {
    const detail = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    at.invalid('timeZone', zone, detail);
  }
  const problem = timeZoneProblem(zone);
  if (problem !== undefined) at.invalid('timeZone', zone, problem);
}
