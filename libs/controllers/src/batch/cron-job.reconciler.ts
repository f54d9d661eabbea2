import { deepEqual, formatTime, hasCause, isAlreadyExists, isNotFound, type KubeObject } from '#apimachinery';
import type { Informer, ObjectReference, Requeue } from '#client';
import { type CronJob, type CronJobStatus, gvr, type Job } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { controlledBy } from '../indexes.js';
import { isControlledBy } from '../workload/controller-ref.js';
import {
  activeReference,
  buildJob,
  decideRun,
  expiredJobs,
  parsedTimes,
  type Run,
  seeJobs,
  type Told,
  timesOf,
  unsupported,
  untilNextRun,
} from './cron-job.plan.js';

/** Milliseconds to wait for the informer. */
const CATCH_UP = 20;
const SKEW_SECONDS = Array.from({ length: 10 }, (_, i) => 2 ** i);

export function cronJobController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'cronjob-controller');
  const cronJobs = new CronJobReconciler(runtime);
  return controller('cronjob-controller', runtime)
    .for<CronJob>(gvr.cronjobs)
    .owns<Job>(gvr.jobs, { kind: 'CronJob' })
    .reconcile((key) => cronJobs.reconcile(key));
}

/** Starts Jobs at the times of their schedules. */
class CronJobReconciler {
  private readonly cronJobs: Informer<CronJob>;
  private readonly jobs: Informer<Job>;
  /** The schedule that each CronJob had when it was looked at last. */
  private readonly schedules = new Map<string, string>();
  private readonly skew;

  constructor(private readonly runtime: ControllerRuntime) {
    this.cronJobs = runtime.informers.for<CronJob>(gvr.cronjobs);
    this.jobs = runtime.informers.for<Job>(gvr.jobs);
    const help = 'Time between when a run was due and when its Job was created.';
    const name = 'cronjob_controller_job_creation_skew_duration_seconds';
    this.skew = runtime.metrics.histogram({ name, help }, SKEW_SECONDS).cell();
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const cronJob = this.cronJobs.getByKey(key);
    if (!cronJob) {
      this.schedules.delete(key);
      return undefined;
    }
    const moved = this.noteSchedule(key, cronJob);
    if (moved) return moved;
    const jobs = controlledBy(this.jobs, cronJob.metadata.uid!);
    const seen = seeJobs(cronJob, jobs);
    const state = new CronJobState(cronJob.status, seen.active, seen.lastSuccessfulTime);
    let failure: unknown;
    let requeueAfter: number | undefined;
    if (await this.isBehind(cronJob, seen.unexpected)) return { requeueAfter: CATCH_UP };
    await this.removeExpired(cronJob, state, jobs);
    try {
      this.tell(cronJob, seen.events);
      await this.dropMissing(cronJob, state, seen.missing);
      requeueAfter = await this.run(cronJob, state);
    } catch (error) {
      failure = error;
    }
    await this.writeStatus(cronJob, state.status());
    if (failure !== undefined) throw failure;
    return requeueAfter === undefined ? undefined : { requeueAfter };
  }

  /** A schedule that was changed counts from its next time on: nothing was missed under it. */
  private noteSchedule(key: string, cronJob: CronJob): Requeue | undefined {
    const text = JSON.stringify([cronJob.spec.schedule, cronJob.spec.timeZone]);
    const before = this.schedules.get(key);
    this.schedules.set(key, text);
    if (before === undefined || before === text) return undefined;
    const times = parsedTimes(cronJob.spec);
    if ('next' in times) return { requeueAfter: untilNextRun(cronJob, times, this.runtime.clock.now()) };
    const message = `unparseable schedule for cronjob: ${cronJob.spec.schedule}`;
    this.tell(cronJob, [{ type: 'Warning', reason: 'UnParseableCronJobSchedule', message }]);
    return { requeueAfter: 0 };
  }

  private async removeExpired(cronJob: CronJob, state: CronJobState, jobs: readonly Job[]): Promise<void> {
    for (const job of expiredJobs(cronJob, jobs)) {
      if (job.metadata.deletionTimestamp === undefined) await this.remove(cronJob, state, job.metadata.name!, job);
    }
  }

  /** Tells of Jobs that the status does not know. True when the status on the server does: the informer is late. */
  private async isBehind(cronJob: CronJob, unexpected: readonly Job[]): Promise<boolean> {
    const { namespace, name } = cronJob.metadata;
    for (const job of unexpected) {
      const fresh = await this.runtime.client.get<CronJob & KubeObject>(gvr.cronjobs, namespace!, name!);
      if (fresh.status?.active?.some(({ uid }) => uid === job.metadata.uid)) return true;
      const message = `Saw a job that the controller did not create or forgot: ${job.metadata.name}`;
      this.tell(cronJob, [{ type: 'Warning', reason: 'UnexpectedJob', message }]);
    }
    return false;
  }

  private async dropMissing(cronJob: CronJob, state: CronJobState, missing: readonly ObjectReference[]): Promise<void> {
    for (const reference of missing) {
      try {
        // The informer may be late: the server knows.
        await this.runtime.client.get(gvr.jobs, reference.namespace!, reference.name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        const message = `Active job went missing: ${reference.name}`;
        this.tell(cronJob, [{ type: 'Normal', reason: 'MissingJob', message }]);
        state.drop(reference.uid);
      }
    }
  }

  /** Starts what is due. Resolves with when to look again. */
  private async run(cronJob: CronJob, state: CronJobState): Promise<number | undefined> {
    if (cronJob.metadata.deletionTimestamp !== undefined) return undefined;
    const times = timesOf(cronJob);
    if (!('next' in times)) {
      if (times.event) this.tell(cronJob, [times.event]);
      return undefined;
    }
    const zoned = unsupported(cronJob);
    if (zoned) this.tell(cronJob, [zoned]);
    const now = this.runtime.clock.now();
    const { run, events } = decideRun(cronJob, state.active, times, now);
    this.tell(cronJob, events);
    if (events.some(({ reason }) => reason === 'InvalidSchedule')) return undefined;
    if (run && !(await this.start(cronJob, state, run))) return undefined;
    return untilNextRun({ ...cronJob, status: state.status() }, times, now);
  }

  /** False when somebody else has made the Job, and keeps the status. */
  private async start(cronJob: CronJob, state: CronJobState, { time, replace }: Run): Promise<boolean> {
    const { client } = this.runtime;
    const namespace = cronJob.metadata.namespace!;
    // Each that is deleted leaves the list.
    for (const { name } of [...replace]) await this.replace(cronJob, state, name);
    const wanted = buildJob(cronJob, time);
    let job: Job;
    try {
      job = await client.create<Job & KubeObject>(gvr.jobs, namespace, wanted as Job & KubeObject);
    } catch (error) {
      if (hasCause(error, 'NamespaceTerminating')) throw error;
      if (!isAlreadyExists(error)) {
        const message = `Error creating job: ${(error as Error).message}`;
        this.tell(cronJob, [{ type: 'Warning', reason: 'FailedCreate', message }]);
        throw error;
      }
      // Ours when the status could not be written after its creation.
      job = await client.get<Job & KubeObject>(gvr.jobs, namespace, wanted.metadata.name!);
      if (!isControlledBy(job as KubeObject, cronJob as KubeObject) || state.has(job.metadata.uid)) return false;
      state.started(job, time);
      return true;
    }
    this.skew.observe((Date.parse(job.metadata.creationTimestamp!) - time) / 1000);
    const message = `Created job ${job.metadata.name}`;
    this.tell(cronJob, [{ type: 'Normal', reason: 'SuccessfulCreate', message }]);
    state.started(job, time);
    return true;
  }

  private async replace(cronJob: CronJob, state: CronJobState, name: string): Promise<void> {
    const namespace = cronJob.metadata.namespace!;
    let job: Job & KubeObject;
    try {
      job = await this.runtime.client.get<Job & KubeObject>(gvr.jobs, namespace, name);
    } catch (error) {
      this.tell(cronJob, [{ type: 'Warning', reason: 'FailedGet', message: `Get job: ${(error as Error).message}` }]);
      throw error;
    }
    if (!(await this.remove(cronJob, state, name, job))) throw new Error(`could not replace job ${namespace}/${name}`);
  }

  private async remove(cronJob: CronJob, state: CronJobState, name: string, { metadata }: Job): Promise<boolean> {
    try {
      await this.runtime.client.delete(gvr.jobs, metadata.namespace!, name, { propagationPolicy: 'Background' });
    } catch (error) {
      const message = `Deleted job: ${(error as Error).message}`;
      this.tell(cronJob, [{ type: 'Warning', reason: 'FailedDelete', message }]);
      return false;
    }
    state.drop(metadata.uid);
    this.tell(cronJob, [{ type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted job ${name}` }]);
    return true;
  }

  private async writeStatus(cronJob: CronJob, status: CronJobStatus): Promise<void> {
    if (deepEqual(cronJob.status ?? {}, status)) return;
    const changed = { ...cronJob, status } as CronJob & KubeObject;
    await this.runtime.client.update(gvr.cronjobs, cronJob.metadata.namespace!, changed, { subresource: 'status' });
  }

  private tell(cronJob: CronJob, events: readonly Told[]): void {
    for (const { type, reason, message } of events) {
      this.runtime.recorder.event(cronJob as KubeObject, type, reason, message);
    }
  }
}

/** The status in the making. */
class CronJobState {
  private lastScheduleTime: string | undefined;

  constructor(
    before: CronJobStatus | undefined,
    readonly active: ObjectReference[],
    private readonly lastSuccessfulTime: string | undefined,
  ) {
    this.lastScheduleTime = before?.lastScheduleTime;
  }

  has(uid: string | undefined): boolean {
    return this.active.some((reference) => reference.uid === uid);
  }

  drop(uid: string | undefined): void {
    const at = this.active.findIndex((reference) => reference.uid === uid);
    if (at !== -1) this.active.splice(at, 1);
  }

  started(job: Job, time: number): void {
    this.active.push(activeReference(job));
    this.lastScheduleTime = formatTime(new Date(time));
  }

  status(): CronJobStatus {
    const { active, lastScheduleTime, lastSuccessfulTime } = this;
    return {
      ...(active.length > 0 ? { active: [...active] } : {}),
      ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
      ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    };
  }
}
