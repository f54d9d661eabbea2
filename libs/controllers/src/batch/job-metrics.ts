import type { Job, JobStatus, Pod } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import { isPodFinished } from '../workload/pods.js';
import { IndexSet } from './completion-indexes.js';
import { hasLimitPerIndex, isIndexed, type JobPlan, type SyncAction, TRACKING_FINALIZER } from './job.plan.js';
import { finishedCondition } from './job-conditions.js';

const MODES = ['Indexed', 'NonIndexed'];
const RESULTS = ['succeeded', 'failed'];
const REASONS = [
  ...['BackoffLimitExceeded', 'DeadlineExceeded', 'PodFailurePolicy', 'FailedIndexes', 'MaxFailedIndexesExceeded'],
  ...['SuccessPolicy', 'CompletionsReached'],
];
const ACTIONS: SyncAction[] = ['reconciling', 'tracking', 'pods_created', 'pods_deleted'];
/** Names of other controllers that are told apart. */
const MANAGERS = 20;
const SYNC_SECONDS = Array.from({ length: 15 }, (_, i) => 0.004 * 2 ** i);

const modeOf = (job: Job) => (isIndexed(job) ? 'Indexed' : 'NonIndexed');

/** The metrics of upstream's Job controller. */
export class JobMetrics {
  private readonly syncs;
  private readonly seconds;
  private readonly finished;
  private readonly external;
  private readonly podsFinished;
  private readonly handled;
  private readonly tracked;
  private readonly indexes;
  private readonly creations;
  private readonly skips;

  constructor(metrics: MetricsRegistry) {
    const counter = (name: string, help: string, labels: Record<string, readonly string[] | number>) =>
      metrics.counter({ name, help, labels });
    const sync = { completion_mode: MODES, result: ['success', 'error'], action: ACTIONS };
    this.syncs = counter('job_controller_job_syncs_total', 'Looks at Jobs.', sync);
    this.seconds = metrics.histogram(
      { name: 'job_controller_job_sync_duration_seconds', help: 'Duration of one look at a Job.', labels: sync },
      SYNC_SECONDS,
    );
    const byResult = { completion_mode: MODES, result: RESULTS };
    this.finished = counter('job_controller_jobs_finished_total', 'Jobs that have ended.', {
      ...byResult,
      reason: REASONS,
    });
    this.external = counter(
      'job_controller_jobs_by_external_controller_total',
      'Jobs that another controller manages.',
      {
        controller_name: MANAGERS,
      },
    );
    this.podsFinished = counter('job_controller_job_pods_finished_total', 'Pods whose end is counted.', byResult);
    this.handled = counter(
      'job_controller_pod_failures_handled_by_failure_policy_total',
      'Failed pods that a rule of a pod failure policy matched, by its action.',
      { action: ['FailJob', 'FailIndex', 'Ignore', 'Count'] },
    );
    this.tracked = counter(
      'job_controller_terminated_pods_tracking_finalizer_total',
      'Ended pods that have got (add) and lost (delete) the finalizer for counting.',
      { event: ['add', 'delete'] },
    );
    this.indexes = counter('job_controller_job_finished_indexes_total', 'Completion indexes that have ended.', {
      status: RESULTS,
      backoffLimit: ['global', 'perIndex'],
    });
    this.creations = counter('job_controller_job_pods_creation_total', 'Pods made for Jobs, by the reason for it.', {
      reason: ['new', 'recreate_terminating_or_failed', 'recreate_failed'],
      status: RESULTS,
    });
    this.skips = counter('job_controller_stale_sync_skips_total', 'Looks put off because the informer was behind.', {
      group: ['batch', ''],
      resource: ['jobs', 'pods'],
    });
  }

  synced(job: Job, action: SyncAction, failed: boolean, seconds: number): void {
    const labels = [modeOf(job), failed ? 'error' : 'success', action];
    this.syncs.cell(...labels).value++;
    this.seconds.cell(...labels).observe(seconds);
  }

  skipped(): void {
    this.skips.cell('batch', 'jobs').value++;
  }

  managedBy(name: string): void {
    this.external.cell(name).value++;
  }

  /** A status was written: what it counts beyond the one before it. */
  counted(job: Job, before: JobStatus | undefined, after: JobStatus | undefined): void {
    const { completions = 0 } = job.spec;
    const size = (text: string | undefined) => IndexSet.parse(text, completions).size;
    const failed = (after?.failed ?? 0) - (before?.failed ?? 0);
    let succeeded = (after?.succeeded ?? 0) - (before?.succeeded ?? 0);
    if (isIndexed(job)) {
      const limit = hasLimitPerIndex(job) ? 'perIndex' : 'global';
      // Of both: a Job that was made smaller has fewer successes, and none was taken back.
      succeeded = size(after?.completedIndexes) - size(before?.completedIndexes);
      this.indexes.cell('succeeded', limit).value += Math.max(0, succeeded);
      const lost = size(after?.failedIndexes) - size(before?.failedIndexes);
      if (lost > 0) this.indexes.cell('failed', limit).value += lost;
    }
    this.podsFinished.cell(modeOf(job), 'succeeded').value += Math.max(0, succeeded);
    this.podsFinished.cell(modeOf(job), 'failed').value += Math.max(0, failed);
  }

  ended(job: Job): void {
    const condition = finishedCondition(job);
    if (!condition) return;
    const result = condition.type === 'Complete' ? 'succeeded' : 'failed';
    this.finished.cell(modeOf(job), result, condition.reason ?? '').value++;
  }

  handledByPolicy(actions: ReadonlyMap<string, number>): void {
    for (const [action, count] of actions) this.handled.cell(action).value += count;
  }

  created(job: Job, { failed, terminating }: JobPlan, succeeded: number, failures: number): void {
    const onlyFailed = job.spec.podReplacementPolicy === 'Failed' && failed > 0;
    const again = failed > 0 || terminating > 0;
    const reason = onlyFailed ? 'recreate_failed' : again ? 'recreate_terminating_or_failed' : 'new';
    if (succeeded > 0) this.creations.cell(reason, 'succeeded').value += succeeded;
    if (failures > 0) this.creations.cell(reason, 'failed').value += failures;
  }

  /** A pod was seen to change; undefined: it is new, or gone. */
  observed(old: Pod | undefined, pod: Pod | undefined): void {
    const isTracked = (candidate: Pod | undefined) =>
      candidate !== undefined &&
      isPodFinished(candidate) &&
      (candidate.metadata.finalizers ?? []).includes(TRACKING_FINALIZER);
    if (isTracked(old) === isTracked(pod)) return;
    this.tracked.cell(isTracked(pod) ? 'add' : 'delete').value++;
  }
}
