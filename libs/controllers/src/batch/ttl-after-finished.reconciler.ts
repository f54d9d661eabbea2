import { isNotFound, type KubeObject } from '#apimachinery';
import { splitKey } from '#client';
import { gvr, type Job } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { finishedCondition } from './job-conditions.js';

const DELETION_SECONDS = Array.from({ length: 14 }, (_, i) => 0.1 * 2 ** i);

/** Deletes Jobs, with their pods, the given time after they have ended. */
export function ttlAfterFinishedController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'ttl-after-finished-controller');
  const { client, informers, clock } = runtime;
  const jobs = informers.for<Job>(gvr.jobs);
  const help = 'Time between when a Job could be deleted and when it was.';
  const name = 'ttl_after_finished_controller_job_deletion_duration_seconds';
  const seconds = runtime.metrics.histogram({ name, help }, DELETION_SECONDS).cell();
  return controller('ttl-after-finished-controller', runtime)
    .for<Job>(gvr.jobs, { when: (job) => expiryOf(job) !== undefined })
    .reconcile(async (key) => {
      const expiry = expiryOf(jobs.getByKey(key));
      if (expiry === undefined) return undefined;
      if (expiry > clock.now()) return { requeueAfter: expiry - clock.now() };
      const { namespace, name } = splitKey(key);
      try {
        // The informer may be late: the time may have been changed just now.
        const job = await client.get<Job & KubeObject>(gvr.jobs, namespace, name);
        const fresh = expiryOf(job);
        if (fresh === undefined) return undefined;
        if (fresh > clock.now()) return { requeueAfter: fresh - clock.now() };
        const preconditions = { uid: job.metadata.uid! };
        await client.delete(gvr.jobs, namespace, name, { propagationPolicy: 'Foreground', preconditions });
        seconds.observe((clock.now() - fresh) / 1000);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    });
}

/** When the Job is to be deleted, in milliseconds since the epoch; undefined when it is not. */
export function expiryOf(job: Job | undefined): number | undefined {
  const ttl = job?.spec.ttlSecondsAfterFinished;
  const ended = job && finishedCondition(job)?.lastTransitionTime;
  if (ttl === undefined || !ended || job.metadata.deletionTimestamp !== undefined) return undefined;
  return Date.parse(ended) + ttl * 1000;
}
