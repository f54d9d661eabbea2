import type { MetricsRegistry } from '#telemetry';
import { type Clock, realClock, type Timer } from './clock.js';
import { type WorkQueueMetrics, workQueueMetrics } from './work-queue-metrics.js';

export interface WorkQueueOptions {
  /** The queue's name in metrics. */
  name: string;
  /** Absent: nothing is counted. */
  metrics?: MetricsRegistry;
  clock?: Clock;
  /** Delay of an item's first retry, milliseconds; each further one doubles it. */
  baseDelay?: number;
  /** Longest delay of a retry, milliseconds. */
  maxDelay?: number;
}

/**
 * A queue of keys for control loops. A key that waits is never queued twice; a key that is being worked on and is added
 * again comes back after `done`: no two workers have the same key. Delays and limits are those of client-go's default
 * controller queue.
 */
export class WorkQueue {
  private readonly clock: Clock;
  private readonly baseDelay: number;
  private readonly maxDelay: number;
  private ready: string[] = [];
  private head = 0;
  private readonly dirty = new Set<string>();
  /** Keys in work to the time at which a worker took them. */
  private readonly processing = new Map<string, number>();
  /** Keys that wait to the time at which they were added; filled only where somebody counts. */
  private readonly addedAt = new Map<string, number>();
  private readonly failures = new Map<string, number>();
  private readonly delayed = new Map<string, { due: number; timer: Timer }>();
  private readonly takers: ((key: string | undefined) => void)[] = [];
  private readonly drained: (() => void)[] = [];
  private isDown = false;
  private readonly metrics: WorkQueueMetrics | undefined;
  private readonly endCollecting: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.clock = options.clock ?? realClock;
    this.baseDelay = options.baseDelay ?? 5;
    this.maxDelay = options.maxDelay ?? 1_000_000;
    if (!options.metrics) return;
    this.metrics = workQueueMetrics(options.metrics, options.name);
    this.endCollecting = options.metrics.onCollect(() => this.measureWork(this.metrics!));
  }

  /** Keys that wait to be worked on; delayed ones are not among them. */
  get length(): number {
    return this.ready.length - this.head;
  }

  get isShutDown(): boolean {
    return this.isDown;
  }

  add(key: string): void {
    if (this.isDown || this.dirty.has(key)) return;
    this.dirty.add(key);
    if (this.metrics) {
      this.metrics.adds.value += 1;
      this.metrics.depth.value += 1;
      this.addedAt.set(key, this.clock.now());
    }
    if (!this.processing.has(key)) this.push(key);
  }

  /** Adds after `ms`; of several delays for one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.isDown) return;
    if (this.metrics) this.metrics.retries.value += 1;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const due = this.clock.now() + ms;
    const waiting = this.delayed.get(key);
    if (waiting) {
      if (waiting.due <= due) return;
      waiting.timer.cancel();
    }
    this.delayed.set(key, { due, timer: this.clock.setTimeout(() => this.expire(key), ms) });
  }

  /** Adds after the key's own delay, which doubles until `forget`. */
  addRateLimited(key: string): void {
    const failures = this.failures.get(key) ?? 0;
    this.failures.set(key, failures + 1);
    this.addAfter(key, Math.min(this.baseDelay * 2 ** failures, this.maxDelay));
  }

  /** The key succeeded, or is given up: its next retry starts from the shortest delay. */
  forget(key: string): void {
    this.failures.delete(key);
  }

  requeues(key: string): number {
    return this.failures.get(key) ?? 0;
  }

  /** The next key, to be given back with `done`; undefined once the queue is shut down and empty. */
  get(): Promise<string | undefined> {
    if (this.head < this.ready.length) {
      const key = this.ready[this.head++]!;
      if (this.head > 1024 && this.head * 2 > this.ready.length) {
        this.ready = this.ready.slice(this.head);
        this.head = 0;
      }
      this.take(key);
      return Promise.resolve(key);
    }
    if (this.isDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.takers.push(resolve));
  }

  done(key: string): void {
    const startedAt = this.processing.get(key);
    this.processing.delete(key);
    if (startedAt !== undefined) this.metrics?.worked.observe((this.clock.now() - startedAt) / 1000);
    if (this.dirty.has(key)) this.push(key);
    if (this.processing.size === 0) for (const drained of this.drained.splice(0)) drained();
  }

  /** Takes no more keys and forgets what waits. Resolves when the workers are done with what they have. */
  shutDown(): Promise<void> {
    this.isDown = true;
    this.addedAt.clear();
    this.endCollecting?.();
    if (this.metrics)
      for (const gauge of [this.metrics.depth, this.metrics.unfinished, this.metrics.longest]) gauge.value = 0;
    for (const { timer } of this.delayed.values()) timer.cancel();
    this.delayed.clear();
    this.dirty.clear();
    this.ready = [];
    this.head = 0;
    for (const taker of this.takers.splice(0)) taker(undefined);
    if (this.processing.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.drained.push(resolve));
  }

  private expire(key: string): void {
    const waiting = this.delayed.get(key);
    if (!waiting) return;
    const left = waiting.due - this.clock.now();
    if (left > 0) {
      waiting.timer = this.clock.setTimeout(() => this.expire(key), left);
      return;
    }
    this.delayed.delete(key);
    this.add(key);
  }

  private push(key: string): void {
    const taker = this.takers.shift();
    if (taker) {
      this.take(key);
      taker(key);
    } else this.ready.push(key);
  }

  private take(key: string): void {
    const now = this.clock.now();
    this.processing.set(key, now);
    this.dirty.delete(key);
    if (!this.metrics) return;
    this.metrics.depth.value -= 1;
    this.metrics.waited.observe((now - (this.addedAt.get(key) ?? now)) / 1000);
    this.addedAt.delete(key);
  }

  private measureWork({ unfinished, longest }: WorkQueueMetrics): void {
    const now = this.clock.now();
    unfinished.value = 0;
    longest.value = 0;
    for (const startedAt of this.processing.values()) {
      const age = (now - startedAt) / 1000;
      unfinished.value += age;
      longest.value = Math.max(longest.value, age);
    }
  }
}
