import { type FieldError, field, semanticEqual } from '#apimachinery';
import type { Job, JobStatus } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { countIndexes, sharedIndex } from './job-indexes.js';
import { isIndexed } from './job-spec.validation.js';

type Condition = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

function has({ status }: Job, condition: Condition, value = 'True'): boolean {
  return status?.conditions?.some((item) => item.type === condition && item.status === value) ?? false;
}

function isFinished(job: Job): boolean {
  return has(job, 'Complete') || has(job, 'Failed');
}

/**
 * What a controller may write into a Job's status. Most rules hold only where the fields that they are about change:
 * a spec may have changed under a status that was right when it was written.
 */
export function jobStatusErrors(job: Job, old: Job): FieldError[] {
  const at = new FieldCursor('status');
  const status = job.status ?? {};
  checkNumbers(at, status);
  checkConditions(at, job, old);
  checkFinished(at, job, old);
  checkIndexes(at, job, old);
  checkProgress(at, job, old);
  return at.errors;
}

function changed(job: Job, old: Job, name: keyof JobStatus): boolean {
  return !semanticEqual(job.status?.[name], old.status?.[name]);
}

function checkNumbers(at: FieldCursor, status: JobStatus): void {
  for (const name of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const)
    at.notNegative(name, status[name]);
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const) {
    status.uncountedTerminatedPods?.[list]?.forEach((uid, i) => {
      const path = `uncountedTerminatedPods.${list}[${i}]`;
      if (uid === '') at.invalid(path, uid, 'must not be empty');
      else if (seen.has(uid)) at.duplicate(path, uid);
      seen.add(uid);
    });
  }
}

function checkConditions(at: FieldCursor, job: Job, old: Job): void {
  const refuse = (detail: string): void => at.invalid('conditions', field.OMIT_VALUE, detail);
  const complete = has(job, 'Complete');
  const failed = has(job, 'Failed');
  const completeChanged = complete !== has(old, 'Complete');
  const failedChanged = failed !== has(old, 'Failed');
  const targetChanged = has(job, 'FailureTarget') !== has(old, 'FailureTarget');
  const criteriaChanged = has(job, 'SuccessCriteriaMet') !== has(old, 'SuccessCriteriaMet');
  if ((completeChanged || failedChanged) && complete && failed) {
    refuse('cannot set Complete=True and Failed=true conditions');
  }
  if ((completeChanged || targetChanged) && complete && has(job, 'FailureTarget')) {
    refuse('cannot set Complete=True and FailureTarget=true conditions');
  }
  checkCompletionTime(at, job, old, completeChanged);
  if ((failedChanged || changed(job, old, 'failedIndexes')) && failed && !has(job, 'FailureTarget')) {
    refuse('cannot set Failed=True condition without the FailureTarget=true condition');
  }
  if ((completeChanged || criteriaChanged) && complete && !has(job, 'SuccessCriteriaMet')) {
    refuse('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  }
}

function checkCompletionTime(at: FieldCursor, job: Job, old: Job, completeChanged: boolean): void {
  const { startTime, completionTime } = job.status ?? {};
  const complete = has(job, 'Complete');
  const timeChanged = changed(job, old, 'completionTime');
  if ((completeChanged || timeChanged) && completionTime !== undefined && !complete) {
    at.invalid('completionTime', completionTime, 'cannot set completionTime when there is no Complete=True condition');
  }
  if ((completeChanged || timeChanged) && completionTime === undefined && complete) {
    at.required('completionTime', 'completionTime is required for Complete jobs');
  }
  if (!timeChanged && !changed(job, old, 'startTime')) return;
  if (startTime === undefined || completionTime === undefined) return;
  if (Date.parse(completionTime) < Date.parse(startTime)) {
    at.invalid('completionTime', completionTime, 'must be equal to or after `startTime`');
  }
}

function checkFinished(at: FieldCursor, job: Job, old: Job): void {
  const status = job.status ?? {};
  const finished = isFinished(job);
  const finishedChanged = finished !== isFinished(old);
  if (!finished) return;
  if ((finishedChanged || changed(job, old, 'active')) && (status.active ?? 0) > 0) {
    at.invalid('active', status.active, 'active>0 is invalid for finished job');
  }
  const emptyAndSuspended = job.spec.suspend === true && job.spec.completions === 0;
  if ((finishedChanged || changed(job, old, 'startTime')) && !emptyAndSuspended && status.startTime === undefined) {
    at.required('startTime', 'startTime is required for finished job');
  }
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const uncounted = succeeded.length + failed.length;
  if ((finishedChanged || changed(job, old, 'uncountedTerminatedPods')) && uncounted > 0) {
    const shown = new Map([
      ['Succeeded', succeeded.length > 0 ? succeeded : null],
      ['Failed', failed.length > 0 ? failed : null],
    ]);
    at.invalid('uncountedTerminatedPods', shown, 'must be empty for finished job');
  }
}

function checkIndexes(at: FieldCursor, job: Job, old: Job): void {
  const { completedIndexes = '', failedIndexes } = job.status ?? {};
  const { completions, backoffLimitPerIndex } = job.spec;
  const completedChanged = completedIndexes !== (old.status?.completedIndexes ?? '');
  const failedChanged = failedIndexes !== old.status?.failedIndexes;
  const check = (name: string, text: string): void => {
    const counted = countIndexes(text, completions!);
    if (typeof counted === 'string') at.invalid(name, text, `error parsing ${name}: ${counted}`);
  };
  if (completedChanged && completions !== undefined) check('completedIndexes', completedIndexes);
  if (failedChanged && completions !== undefined && backoffLimitPerIndex !== undefined && failedIndexes !== undefined) {
    check('failedIndexes', failedIndexes);
  }
  if (completedChanged && completedIndexes !== '' && !isIndexed(job.spec)) {
    const detail = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    at.invalid('completedIndexes', completedIndexes, detail);
  }
  if (failedIndexes === undefined) return;
  if (failedChanged && backoffLimitPerIndex === undefined) {
    const detail = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    at.invalid('failedIndexes', failedIndexes, detail);
  }
  if ((!failedChanged && !completedChanged) || completions === undefined) return;
  const shared = sharedIndex(completedIndexes, failedIndexes, completions);
  if (shared === undefined) return;
  at.invalid('failedIndexes', failedIndexes, `failedIndexes and completedIndexes overlap at index: ${shared}`);
}

function checkProgress(at: FieldCursor, job: Job, old: Job): void {
  const status = job.status ?? {};
  const before = old.status ?? {};
  const refuse = (detail: string): void => at.invalid('conditions', field.OMIT_VALUE, detail);
  const finishedChanged = isFinished(job) !== isFinished(old);
  if ((finishedChanged || changed(job, old, 'terminating')) && isFinished(job) && (status.terminating ?? 0) > 0) {
    at.invalid('terminating', status.terminating, 'terminating>0 is invalid for finished job');
  }
  const readyChanged = changed(job, old, 'ready') || changed(job, old, 'active');
  if (readyChanged && (status.ready ?? 0) > (status.active ?? 0)) {
    at.invalid('ready', status.ready, 'cannot set more ready pods than active');
  }
  const met = has(job, 'SuccessCriteriaMet');
  if (met && has(job, 'Failed')) refuse('cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (met && has(job, 'FailureTarget')) refuse('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  if (job.spec.successPolicy !== undefined && !met && has(job, 'Complete')) {
    refuse('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
  }
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const) {
    if (has(old, type) && !has(job, type)) refuse(`cannot disable the terminal ${type}=True condition`);
  }
  if ((status.failed ?? 0) < (before.failed ?? 0)) {
    at.invalid('failed', status.failed ?? 0, 'cannot decrease the failed counter');
  }
  // An Indexed job whose two numbers are one can be made smaller.
  const resizable = isIndexed(job.spec) && job.spec.completions === job.spec.parallelism;
  if (!resizable && (status.succeeded ?? 0) < (before.succeeded ?? 0)) {
    at.invalid('succeeded', status.succeeded ?? 0, 'cannot decrease the succeeded counter');
  }
  checkTimesKept(at, job, old);
  const wasMet = has(old, 'SuccessCriteriaMet');
  if (wasMet && !met) refuse('cannot disable the SuccessCriteriaMet=True condition');
  if (has(old, 'Complete') && !wasMet && met) {
    refuse('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
  }
}

function checkTimesKept(at: FieldCursor, job: Job, old: Job): void {
  const { startTime, completionTime } = job.status ?? {};
  const before = old.status ?? {};
  if (completionTime !== undefined && before.completionTime !== undefined && completionTime !== before.completionTime) {
    at.invalid('completionTime', completionTime, 'field is immutable');
  }
  // Between suspensions a job starts anew.
  const resuming = has(old, 'Suspended') && has(job, 'Suspended', 'False');
  if (before.startTime === undefined || before.startTime === startTime || resuming || job.spec.suspend === true) return;
  at.invalid('startTime', startTime ?? null, 'field is immutable for unsuspended job once set');
}
