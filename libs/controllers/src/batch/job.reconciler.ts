import { deepEqual, formatTime, hasCause, isNotFound } from '#apimachinery';
import { Expectations, type Informer, objectKey, type Requeue, WrittenRevisions } from '#client';
import { gvr, type Job, type JobStatus, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller, joined } from '../controller.js';
import { claimable, controlledBy, labelMatcher } from '../indexes.js';
import { claimObjects, controllerOf } from '../workload/controller-ref.js';
import { createPod, deletePod, slowStart } from '../workload/pod-control.js';
import { podInformer } from '../workload/pods.js';
import {
  hasFailed,
  hasSucceeded,
  isHeld,
  type JobPlan,
  type JobWorld,
  planJob,
  type SyncAction,
  TRACKING_FINALIZER,
} from './job.plan.js';
import { type BackoffRecord, nextRecord } from './job-backoff.js';
import { finishedCondition, isFinished } from './job-conditions.js';
import { JobMetrics } from './job-metrics.js';
import { buildJobPod } from './job-pod.js';
import { type JobOutcome, settleJob, trackJob } from './job-tracking.js';

const CATCH_UP = 20;
const MANAGER = 'kubernetes.io/job-controller';

export function jobController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'job-controller');
  const metrics = new JobMetrics(runtime.metrics);
  const jobs = new JobReconciler(runtime, metrics);
  return joined(
    controller('job-controller', runtime)
      .for<Job>(gvr.jobs, {
        observe: { add: (job) => isManagedElsewhere(job) && metrics.managedBy(job.spec.managedBy!) },
      })
      .owns<Pod>(gvr.pods, {
        kind: 'Job',
        selector: (job) => job.spec.selector,
        expectations: jobs.expectations,
      })
      .reconcile((key) => jobs.reconcile(key)),
    // Pods whose Job is gone: nobody counts them any more.
    controller('job-orphan-pods', runtime)
      .for<Pod>(gvr.pods, {
        when: (pod) => jobs.isOrphan(pod),
        observe: {
          add: (pod) => metrics.observed(undefined, pod),
          update: (old, pod) => metrics.observed(old, pod),
          delete: (pod) => metrics.observed(pod, undefined),
        },
      })
      .watches<Job>(gvr.jobs, { delete: (job) => jobs.podKeysOf(job) })
      .reconcile((key) => jobs.releaseOrphan(key)),
  );
}

function isManagedElsewhere({ spec }: Job): boolean {
  return spec.managedBy !== undefined && spec.managedBy !== MANAGER;
}

/** Runs pods until as many have succeeded as each Job asks for. */
class JobReconciler {
  readonly expectations: Expectations;
  private readonly jobs: Informer<Job>;
  private readonly pods: Informer<Pod>;
  private readonly written = new WrittenRevisions();
  /** Of each Job: uids of pods whose finalizer was removed, for as long as the informer shows it. */
  private readonly released = new Map<string, Set<string>>();
  private readonly backoffs = new Map<string, { uid: string; record: BackoffRecord }>();

  constructor(
    private readonly runtime: ControllerRuntime,
    private readonly metrics: JobMetrics,
  ) {
    this.jobs = runtime.informers.for<Job>(gvr.jobs);
    this.pods = podInformer(runtime.informers);
    this.expectations = new Expectations(runtime.clock);
  }

  podKeysOf(job: Job): string[] {
    return controlledBy(this.pods, job.metadata.uid!).map(objectKey);
  }

  isOrphan(pod: Pod): boolean {
    if (!pod.metadata.finalizers?.includes(TRACKING_FINALIZER)) return false;
    const owner = controllerOf(pod);
    if (!owner) return true;
    if (owner.kind !== 'Job') return false;
    return this.jobs.get(pod.metadata.namespace!, owner.name)?.metadata.uid !== owner.uid;
  }

  async releaseOrphan(key: string): Promise<undefined> {
    const pod = this.pods.getByKey(key);
    if (!pod || !this.isOrphan(pod)) return;
    const owner = controllerOf(pod);
    if (owner) {
      // The informer may be late: the server knows.
      try {
        const job = await this.runtime.client.get(gvr.jobs, pod.metadata.namespace!, owner.name);
        if (job.metadata.uid === owner.uid) return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    // Not from one that a Job has adopted meanwhile.
    await this.removeFinalizer(pod, pod.metadata.resourceVersion);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const job = this.jobs.getByKey(key);
    if (!job || isFinished(job)) {
      this.forget(key);
      if (job && !isManagedElsewhere(job)) await this.releaseAll(job);
      return undefined;
    }
    if (isManagedElsewhere(job)) return undefined;
    if (!this.written.seenBy(key, this.jobs)) {
      this.metrics.skipped();
      return { requeueAfter: CATCH_UP };
    }
    const start = this.runtime.clock.now();
    const seconds = () => (this.runtime.clock.now() - start) / 1000;
    const progress: { action: SyncAction } = { action: 'reconciling' };
    try {
      const requeue = await this.sync(key, job, progress);
      this.metrics.synced(job, progress.action, false, seconds());
      return requeue;
    } catch (error) {
      this.metrics.synced(job, progress.action, true, seconds());
      throw error;
    }
  }

  private async sync(key: string, job: Job, progress: { action: SyncAction }): Promise<Requeue | undefined> {
    const matches = labelMatcher(job.spec.selector);
    if (!matches) return undefined;
    const settled = this.expectations.satisfied(key);
    const pods = await claimObjects(
      {
        client: this.runtime.client,
        owner: job,
        ownerResource: gvr.jobs,
        resource: gvr.pods,
        matches: (pod) => matches(pod.metadata.labels),
        finalizer: TRACKING_FINALIZER,
      },
      claimable(this.pods, job, job.spec.selector),
    );
    const released = this.stillShown(key, pods);
    const known = this.backoffs.get(key);
    const backoff = known?.uid === job.metadata.uid ? known!.record : initialBackoff(job, pods, released);
    const now = this.runtime.clock.now();
    const world: JobWorld = { job, pods, now, settled, released, backoff };
    const plan = planJob(world);
    progress.action = plan.action;
    const { failure, ...outcome } = await this.carryOut(key, job, plan, settled);
    await this.track(key, world, plan, outcome);
    if (failure !== undefined) throw failure;
    return plan.requeueAfter === undefined ? undefined : { requeueAfter: plan.requeueAfter };
  }

  private async track(key: string, world: JobWorld, plan: JobPlan, outcome: JobOutcome): Promise<void> {
    const timestamp = formatTime(new Date(world.now));
    const tracking = trackJob(world, plan, outcome, timestamp);
    const job = await this.writeStatus(key, world.job, tracking.status);
    this.backoffs.set(key, { uid: world.job.metadata.uid!, record: plan.backoff });
    this.metrics.handledByPolicy(tracking.actions);
    const held = new Set(world.pods.filter((pod) => isHeld(pod, world.released)).map((pod) => pod.metadata.uid!));
    const results = await Promise.allSettled(
      tracking.release.map(async (pod) => {
        await this.release(key, pod);
        held.delete(pod.metadata.uid!);
      }),
    );
    // The status as it was written, with what the server made of it.
    const current = { ...tracking, status: job.status ?? {} };
    await this.writeStatus(
      key,
      job,
      settleJob(current, (uid) => held.has(uid), timestamp),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Resolves with the Job as it is now. */
  private async writeStatus(key: string, job: Job, status: JobStatus): Promise<Job> {
    if (deepEqual(job.status, status)) return job;
    const changed: Job = { ...job, status };
    const updated = await this.runtime.client.update<Job>(gvr.jobs, job.metadata.namespace!, changed, {
      subresource: 'status',
    });
    this.written.wrote(key, updated);
    this.metrics.counted(job, job.status, updated.status);
    this.tell(job, updated);
    return updated;
  }

  /** Events of what this status says first. */
  private tell(before: Job, job: Job): void {
    const { recorder } = this.runtime;
    const suspended = ({ status }: Job) =>
      status?.conditions?.some((condition) => condition.type === 'Suspended' && condition.status === 'True') ?? false;
    if (suspended(job) && !suspended(before)) recorder.event(job, 'Normal', 'Suspended', 'Job suspended');
    if (!suspended(job) && suspended(before)) recorder.event(job, 'Normal', 'Resumed', 'Job resumed');
    const end = finishedCondition(job);
    if (!end) return;
    this.metrics.ended(job);
    if (end.type === 'Failed') {
      recorder.event(job, 'Warning', end.reason!, end.message!);
      return;
    }
    const { completions } = job.spec;
    if (completions !== undefined && (job.status?.succeeded ?? 0) > completions) {
      const text = 'Too many succeeded pods running after completion count reached';
      recorder.event(job, 'Warning', 'TooManySucceededPods', text);
    }
    recorder.event(job, 'Normal', 'Completed', 'Job completed');
  }

  private async carryOut(
    key: string,
    job: Job,
    plan: JobPlan,
    settled: boolean,
  ): Promise<JobOutcome & { failure: unknown }> {
    const { remove, create, untrack } = plan;
    if (settled && remove.length + create.length > 0) {
      this.expectations.expect(
        key,
        create.length,
        remove.map((pod) => pod.metadata.uid!),
      );
    }
    let failure: unknown;
    const removed: Pod[] = [];
    await Promise.all(
      remove.map(async (pod) => {
        try {
          // One that has ended meanwhile is still to be counted.
          if (untrack) await this.release(key, pod, pod.metadata.resourceVersion);
          await deletePod(this.runtime, pod, job);
          removed.push(pod);
        } catch (error) {
          this.expectations.deletionObserved(key, pod.metadata.uid!);
          if (isNotFound(error)) removed.push(pod);
          else failure ??= error;
        }
      }),
    );
    const wanted = create.values();
    let failures = 0;
    const { successes, error } = await slowStart(create.length, async () => {
      try {
        await createPod(this.runtime, buildJobPod(job, wanted.next().value!), job);
      } catch (reason) {
        failures++;
        throw reason;
      }
    });
    for (let missing = create.length - successes; missing > 0; missing--) this.expectations.creationObserved(key);
    this.metrics.created(job, plan, successes, failures);
    // In a namespace that is going away every creation fails, and none is needed.
    if (!hasCause(error, 'NamespaceTerminating')) failure ??= error;
    return { removed, created: successes, failure };
  }

  /** With a `resourceVersion` it fails when the pod has changed. */
  private async release(key: string, pod: Pod, resourceVersion?: string): Promise<void> {
    await this.removeFinalizer(pod, resourceVersion);
    const released = this.released.get(key) ?? new Set();
    this.released.set(key, released.add(pod.metadata.uid!));
  }

  private async removeFinalizer(pod: Pod, resourceVersion?: string): Promise<void> {
    if (!pod.metadata.finalizers?.includes(TRACKING_FINALIZER)) return;
    const { namespace, name, uid } = pod.metadata;
    const patch = {
      metadata: {
        uid,
        ...(resourceVersion && { resourceVersion }),
        '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER],
      },
    };
    try {
      await this.runtime.client.patch(gvr.pods, namespace!, name!, 'application/strategic-merge-patch+json', patch);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Pods of a Job that has ended hold nothing back. */
  private async releaseAll(job: Job): Promise<void> {
    await Promise.all(controlledBy(this.pods, job.metadata.uid!).map((pod) => this.removeFinalizer(pod)));
  }

  /** The released uids that the informer still shows with their finalizer; it has shown the others without, or as gone. */
  private stillShown(key: string, pods: readonly Pod[]): ReadonlySet<string> {
    const released = this.released.get(key);
    if (!released) return new Set();
    const nothing = new Set<string>();
    const shown = new Set(pods.filter((pod) => isHeld(pod, nothing)).map((pod) => pod.metadata.uid!));
    for (const uid of released) if (!shown.has(uid)) released.delete(uid);
    return new Set(released);
  }

  private forget(key: string): void {
    this.written.forget(key);
    this.expectations.forget(key);
    this.released.delete(key);
    this.backoffs.delete(key);
  }
}

/** What a controller that has just started takes from the pods that were counted before its time. */
function initialBackoff(job: Job, pods: readonly Pod[], released: ReadonlySet<string>): BackoffRecord {
  const { succeeded = [], failed = [] } = job.status?.uncountedTerminatedPods ?? {};
  const counted = pods.filter(
    (pod) => !isHeld(pod, released) || succeeded.includes(pod.metadata.uid!) || failed.includes(pod.metadata.uid!),
  );
  return nextRecord(
    { failures: 0 },
    counted.filter(hasSucceeded),
    counted.filter((pod) => hasFailed(job, pod)),
  );
}
