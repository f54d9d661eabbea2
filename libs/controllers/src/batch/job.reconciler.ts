import { deepEqual, formatTime, isNotFound, type KubeObject } from '#apimachinery';
import { Expectations, type Informer, objectKey, type Requeue, WrittenRevisions } from '#client';
import { type Container, gvr, type Job, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller, joined } from '../controller.js';
import { claimable, controlledBy, labelMatcher } from '../indexes.js';
import { claimObjects, controllerOf } from '../workload/controller-ref.js';
import { changePods, podFromTemplate } from '../workload/pod-control.js';
import { podInformer } from '../workload/pods.js';
import { COMPLETION_INDEX } from './completion-indexes.js';
import { isFinished, isIndexed, type JobPlan, planJob, TRACKING_FINALIZER } from './job.plan.js';

const CATCH_UP = 20;

export function jobController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'job-controller');
  const jobs = new JobReconciler(runtime);
  return joined(
    controller('job-controller', runtime)
      .for<Job>(gvr.jobs)
      .owns<Pod>(gvr.pods, { kind: 'Job', expectations: jobs.expectations })
      .reconcile((key) => jobs.reconcile(key)),
    // Pods whose Job is gone: nobody counts them any more.
    controller('job-orphan-pods', runtime)
      .for<Pod>(gvr.pods, { when: (pod) => jobs.isOrphan(pod) })
      .watches<Job>(gvr.jobs, { delete: (job) => jobs.podKeysOf(job) })
      .reconcile((key) => jobs.releaseOrphan(key)),
  );
}

/** Runs pods until as many have succeeded as each Job asks for. */
class JobReconciler {
  readonly expectations: Expectations;
  private readonly jobs: Informer<Job>;
  private readonly pods: Informer<Pod>;
  private readonly written = new WrittenRevisions();

  constructor(private readonly runtime: ControllerRuntime) {
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
    if (owner && owner.kind !== 'Job') return true;
    return !owner || this.jobs.get(pod.metadata.namespace!, owner.name)?.metadata.uid !== owner.uid;
  }

  async releaseOrphan(key: string): Promise<undefined> {
    const pod = this.pods.getByKey(key);
    if (!pod || !this.isOrphan(pod)) return;
    const owner = controllerOf(pod);
    if (owner?.kind === 'Job') {
      // The informer may be late: the server knows.
      try {
        const job = await this.runtime.client.get(gvr.jobs, pod.metadata.namespace!, owner.name);
        if (job.metadata.uid === owner.uid) return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    await this.release(pod);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const job = this.jobs.getByKey(key);
    if (!job) {
      this.written.forget(key);
      return undefined;
    }
    if (job.spec.managedBy && job.spec.managedBy !== 'kubernetes.io/job-controller') return undefined;
    if (!this.written.seenBy(key, this.jobs)) return { requeueAfter: CATCH_UP };
    const matches = labelMatcher(job.spec.selector);
    if (!matches) return undefined;
    const { client, clock } = this.runtime;
    const pods = await claimObjects(
      {
        client,
        owner: job,
        ownerResource: gvr.jobs,
        resource: gvr.pods,
        matches: (pod) => matches(pod.metadata.labels),
      },
      claimable(this.pods, job, job.spec.selector),
    );
    if (isFinished(job)) {
      await Promise.all(
        pods.filter((pod) => pod.metadata.finalizers?.includes(TRACKING_FINALIZER)).map((pod) => this.release(pod)),
      );
      return undefined;
    }
    const now = clock.now();
    const plan = planJob({ job, pods, now, timestamp: formatTime(new Date(now)) });
    await this.writeStatus(key, job, plan);
    await Promise.all(plan.release.map((pod) => this.release(pod)));
    if (this.expectations.satisfied(key) && job.metadata.deletionTimestamp === undefined) {
      await this.carryOut(key, job, plan);
    }
    return plan.requeueAfter === undefined ? undefined : { requeueAfter: plan.requeueAfter };
  }

  private async writeStatus(key: string, job: Job, { status }: JobPlan): Promise<void> {
    if (deepEqual(job.status, status)) return;
    const namespace = job.metadata.namespace!;
    const updated = await this.runtime.client.update<Job>(
      gvr.jobs,
      namespace,
      { ...job, status },
      { subresource: 'status' },
    );
    this.written.wrote(key, updated);
    const told = (candidate: Job, type: string) =>
      candidate.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
    for (const [type, eventType, reason, text] of [
      ['Complete', 'Normal', 'Completed', 'Job completed'],
      ['Failed', 'Warning', '', ''],
      ['Suspended', 'Normal', 'Suspended', 'Job suspended'],
    ] as const) {
      const condition = told(updated, type);
      if (!condition || told(job, type)) continue;
      this.runtime.recorder.event(updated, eventType, reason || condition.reason!, text || condition.message!);
    }
    if (told(job, 'Suspended') && !told(updated, 'Suspended')) {
      this.runtime.recorder.event(updated, 'Normal', 'Resumed', 'Job resumed');
    }
  }

  private async release(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    const patch = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } };
    try {
      await this.runtime.client.patch(gvr.pods, namespace!, name!, 'application/strategic-merge-patch+json', patch);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  private async carryOut(key: string, job: Job, { create, remove }: JobPlan): Promise<void> {
    const failure = await changePods(this.runtime, this.expectations, key, job, {
      remove,
      create: create.map((index) => buildJobPod(job, index)),
    });
    if (failure !== undefined) throw failure;
  }
}

/** The pod of a Job; with an index for one completion of an Indexed Job. */
export function buildJobPod(job: Job, index: number | undefined): Pod {
  const pod = podFromTemplate(job.spec.template, job as KubeObject);
  pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), TRACKING_FINALIZER];
  if (index === undefined || !isIndexed(job)) return pod;
  const text = String(index);
  pod.metadata.generateName = `${job.metadata.name}-${text}-`;
  pod.metadata.labels = { ...pod.metadata.labels, [COMPLETION_INDEX]: text };
  pod.metadata.annotations = { ...pod.metadata.annotations, [COMPLETION_INDEX]: text };
  const fieldRef = { apiVersion: 'v1', fieldPath: `metadata.labels['${COMPLETION_INDEX}']` };
  const withIndex = (container: Container): Container =>
    container.env?.some(({ name }) => name === 'JOB_COMPLETION_INDEX')
      ? container
      : { ...container, env: [...(container.env ?? []), { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef } }] };
  pod.spec = {
    ...pod.spec,
    hostname: `${job.metadata.name}-${text}`.slice(-63),
    containers: pod.spec.containers.map(withIndex),
    ...(pod.spec.initContainers ? { initContainers: pod.spec.initContainers.map(withIndex) } : {}),
  };
  return pod;
}
