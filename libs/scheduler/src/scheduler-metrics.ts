import { type Cell, type Distribution, exponentialBuckets, type MetricsRegistry } from '#telemetry';
import { EVENT_LABELS } from './cluster-event.js';

/** Upper bounds that double from the first: those of kube-scheduler's histograms. */
const doubling = (first: number, count: number) => exponentialBuckets(first, 2, count);
const POINT_SECONDS = doubling(0.0001, 12);
/** Filters and scores of a batch are one native call: `scheduler_scheduling_algorithm_duration_seconds` has its time. */
const POINTS = ['Reserve', 'PreBind', 'Bind'] as const;
export type ExtensionPoint = (typeof POINTS)[number];
const PLUGINS = 50;
const ATTEMPT_SECONDS = doubling(0.001, 15);
const SLI_SECONDS = doubling(0.01, 20);
const RESULTS = ['scheduled', 'unschedulable', 'error'] as const;
export type AttemptResult = (typeof RESULTS)[number];
/** Tries after which a pod's are told apart no longer; upstream's metric does so, too. */
const COUNTED_ATTEMPTS = 15;
const VOLUME_OPERATIONS = ['assume', 'bind'] as const;
export type VolumeOperation = (typeof VOLUME_OPERATIONS)[number];
const QUEUES = ['active', 'backoff', 'unschedulable'] as const;

export interface QueueSizes {
  active: number;
  backoff: number;
  unschedulable: number;
}

export interface SchedulerState {
  sizes: QueueSizes;
  /** Pods that wait, by the plugins that rejected them. */
  rejections: ReadonlyMap<string, number>;
  /** Bindings under way. */
  binding: number;
  /** Pods that have a node and wait for their volumes. */
  volumeWaits: number;
}

/** What the scheduler counts, by kube-scheduler's names. Times are given in milliseconds and shown in seconds. */
export class SchedulerMetrics {
  private readonly attempts = new Map<AttemptResult, { count: Cell; duration: Distribution }>();
  private readonly algorithm: Distribution;
  private readonly sli;
  private readonly tries: Distribution;
  private readonly preemptions: Cell;
  private readonly victims: Distribution;
  private readonly pending;
  private readonly volumeErrors;
  private readonly incoming;
  private readonly incomingCells = new Map<string, Cell>();
  private readonly points;
  private readonly unschedulable;
  private readonly volumeWaits: Cell;
  private readonly bindings: Cell;

  constructor(
    private readonly registry: MetricsRegistry,
    private readonly profile: string,
  ) {
    const labels = { result: RESULTS, profile: [profile] };
    const attempts = registry.counter({
      name: 'scheduler_schedule_attempts_total',
      help: 'Attempts to schedule pods, by result.',
      labels,
    });
    const duration = registry.histogram(
      {
        name: 'scheduler_scheduling_attempt_duration_seconds',
        help: 'Time of an attempt, decision and binding, in seconds.',
        labels,
      },
      ATTEMPT_SECONDS,
    );
    for (const result of RESULTS) {
      this.attempts.set(result, { count: attempts.cell(result, profile), duration: duration.cell(result, profile) });
    }
    this.algorithm = registry
      .histogram(
        {
          name: 'scheduler_scheduling_algorithm_duration_seconds',
          help: 'Time to decide a batch of pods, in seconds.',
        },
        ATTEMPT_SECONDS,
      )
      .cell();
    this.sli = registry.histogram(
      {
        name: 'scheduler_pod_scheduling_sli_duration_seconds',
        help: 'Time from when a pod came until it was bound, in seconds.',
        labels: { attempts: COUNTED_ATTEMPTS + 1 },
      },
      SLI_SECONDS,
    );
    this.tries = registry
      .histogram(
        { name: 'scheduler_pod_scheduling_attempts', help: 'Attempts that a pod needed until it was bound.' },
        doubling(1, 5),
      )
      .cell();
    this.preemptions = registry
      .counter({ name: 'scheduler_preemption_attempts_total', help: 'Nominations with pods to evict.' })
      .cell();
    this.victims = registry
      .histogram({ name: 'scheduler_preemption_victims', help: 'Pods to evict for one pod.' }, doubling(1, 7))
      .cell();
    this.volumeErrors = registry.counter({
      name: 'scheduler_volume_scheduling_stage_error_total',
      help: 'Pods that lost their node because of their volumes, by stage.',
      labels: { operation: VOLUME_OPERATIONS },
    });
    this.incoming = registry.counter({
      name: 'scheduler_queue_incoming_pods_total',
      help: 'Pods that came into a queue, by queue and reason.',
      labels: { queue: QUEUES, event: EVENT_LABELS },
    });
    this.points = registry.histogram(
      {
        name: 'scheduler_framework_extension_point_duration_seconds',
        help: 'Time of all plugins of an extension point for one pod, in seconds.',
        labels: { extension_point: POINTS, status: ['Success', 'Error'], profile: [profile] },
      },
      POINT_SECONDS,
    );
    this.unschedulable = registry.gauge({
      name: 'scheduler_unschedulable_pods',
      help: 'Pods that wait, by plugin that rejected them.',
      labels: { plugin: PLUGINS, profile: [profile] },
    });
    this.bindings = registry
      .gauge({
        name: 'scheduler_goroutines',
        help: 'Work under way beside the cycle, by kind.',
        labels: { operation: ['binding'] },
      })
      .cell('binding');
    this.volumeWaits = registry
      .gauge({
        name: 'berth_scheduler_pods_waiting_for_volumes',
        help: 'Pods that have a node and wait until their claims are bound.',
      })
      .cell();
    this.pending = registry.gauge({
      name: 'scheduler_pending_pods',
      help: 'Pods that wait, by queue.',
      labels: { queue: QUEUES },
    });
  }

  /** Reads the queue at each scrape. Returns the way to end that. */
  follow(state: () => SchedulerState): () => void {
    const show = ({ sizes, rejections, binding, volumeWaits }: SchedulerState) => {
      for (const queue of QUEUES) this.pending.cell(queue).value = sizes[queue];
      this.unschedulable.clear();
      for (const [plugin, pods] of rejections) this.unschedulable.cell(plugin, this.profile).value = pods;
      this.bindings.value = binding;
      this.volumeWaits.value = volumeWaits;
    };
    const end = this.registry.onCollect(() => show(state()));
    return () => {
      end();
      show({ sizes: { active: 0, backoff: 0, unschedulable: 0 }, rejections: new Map(), binding: 0, volumeWaits: 0 });
    };
  }

  queued(queue: keyof QueueSizes, event: string): void {
    const key = `${queue} ${event}`;
    let cell = this.incomingCells.get(key);
    if (!cell) {
      cell = this.incoming.cell(queue, event);
      this.incomingCells.set(key, cell);
    }
    cell.value += 1;
  }

  extensionPoint(point: ExtensionPoint, status: 'Success' | 'Error', ms: number): void {
    this.points.cell(point, status, this.profile).observe(ms / 1000);
  }

  /** A pod found a node, and its volumes could not be had there after all. */
  volumesFailed(operation: VolumeOperation): void {
    this.volumeErrors.cell(operation).value += 1;
  }

  decided(ms: number): void {
    this.algorithm.observe(ms / 1000);
  }

  attempt(result: AttemptResult, ms: number): void {
    const { count, duration } = this.attempts.get(result)!;
    count.value += 1;
    duration.observe(ms / 1000);
  }

  /** @param ms - since the pod came. */
  bound(attempts: number, ms: number): void {
    this.tries.observe(attempts);
    this.sli.cell(attempts > COUNTED_ATTEMPTS ? `${COUNTED_ATTEMPTS}+` : String(attempts)).observe(ms / 1000);
  }

  preemption(victims: number): void {
    this.preemptions.value += 1;
    this.victims.observe(victims);
  }
}
