import type { Job, JobCondition } from '#kinds';

export type JobConditionType = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

/** The condition that says that the Job has ended. */
export function finishedCondition(job: Job): JobCondition | undefined {
  return job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

export function isFinished(job: Job): boolean {
  return finishedCondition(job) !== undefined;
}

/** A Job's conditions, to be changed for its next status. */
export class JobConditions {
  readonly list: JobCondition[];

  constructor(
    conditions: readonly JobCondition[] | undefined,
    private readonly timestamp: string,
  ) {
    this.list = [...(conditions ?? [])];
  }

  /** The condition, when it is true. */
  find(type: JobConditionType): JobCondition | undefined {
    return this.list.find((condition) => condition.type === type && condition.status === 'True');
  }

  /** False when nothing had to change; a condition that was never there is not written as false. */
  set(type: JobConditionType, reason: string, message: string, status: 'True' | 'False' = 'True'): boolean {
    const at = this.list.findIndex((condition) => condition.type === type);
    const old = this.list[at];
    if (old ? old.status === status && old.reason === reason && old.message === message : status === 'False') {
      return false;
    }
    const times = { lastProbeTime: this.timestamp, lastTransitionTime: this.timestamp };
    const condition: JobCondition = { type, status, ...times, reason, message };
    if (old) this.list[at] = condition;
    else this.list.push(condition);
    return true;
  }
}
