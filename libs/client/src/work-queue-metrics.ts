import type { Cell, Distribution, MetricsRegistry } from '#telemetry';

/** Queues of one process, at most. */
const QUEUES = 200;
/** Seconds, from ten nanoseconds to 1000 s: the bounds of upstream's queue metrics. */
const BUCKETS = Array.from({ length: 12 }, (_, i) => Number(`1e${i - 8}`));
const LABELS = { name: QUEUES };

/** What a queue counts; names and meanings are those of client-go's work queues. Durations are in seconds. */
export interface WorkQueueMetrics {
  adds: Cell;
  depth: Cell;
  retries: Cell;
  waited: Distribution;
  worked: Distribution;
  /** The sum, and the longest, of the times that keys have been in work. */
  unfinished: Cell;
  longest: Cell;
}

export function workQueueMetrics(registry: MetricsRegistry, name: string): WorkQueueMetrics {
  const counter = (family: string, help: string) => registry.counter({ name: family, help, labels: LABELS }).cell(name);
  const gauge = (family: string, help: string) => registry.gauge({ name: family, help, labels: LABELS }).cell(name);
  const seconds = (family: string, help: string) =>
    registry.histogram({ name: family, help, labels: LABELS }, BUCKETS).cell(name);
  return {
    adds: counter('workqueue_adds_total', 'Keys added to the queue.'),
    depth: gauge('workqueue_depth', 'Keys that wait in the queue.'),
    retries: counter('workqueue_retries_total', 'Keys added to be looked at later.'),
    waited: seconds('workqueue_queue_duration_seconds', 'Time that a key waited in the queue, in seconds.'),
    worked: seconds('workqueue_work_duration_seconds', 'Time to process a key, in seconds.'),
    unfinished: gauge('workqueue_unfinished_work_seconds', 'Time that the keys in work have taken so far, in seconds.'),
    longest: gauge(
      'workqueue_longest_running_processor_seconds',
      'Time that the longest running worker has taken so far, in seconds.',
    ),
  };
}
