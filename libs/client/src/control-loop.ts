import { isAlreadyExists, isConflict, isNotFound } from '#apimachinery';
import { type MetricsRegistry, noTracer, type Tracer } from '#telemetry';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import { WorkQueue } from './work-queue.js';

/** Look at the key again after this many milliseconds. */
export interface Requeue {
  requeueAfter: number;
}

export interface ControlLoopOptions {
  name: string;
  clock: Clock;
  logger: Logger;
  /** Where the queue is counted, by the loop's name. */
  metrics?: MetricsRegistry;
  /** Makes a span of each look at a key; absent: none. */
  tracer?: Tracer;
  /** Keys worked on at a time. */
  concurrency?: number;
  /** Makes the world as the key's object wants it. What it throws is tried again with back-off. */
  reconcile(key: string): Promise<Requeue | undefined>;
}

/** A queue with workers: what every reconciler runs on. */
export class ControlLoop {
  readonly queue: WorkQueue;
  private readonly options: ControlLoopOptions;
  private started = false;

  constructor(options: ControlLoopOptions) {
    this.options = options;
    this.queue = new WorkQueue({ name: options.name, clock: options.clock, metrics: options.metrics });
  }

  readonly add = (key: string): void => this.queue.add(key);
  readonly addAfter = (key: string, ms: number): void => this.queue.addAfter(key, ms);

  /** Works until the signal fires; resolves when the keys in hand are done. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.started) throw new Error(`control loop ${this.options.name} was started twice`);
    this.started = true;
    const stop = () => void this.queue.shutDown();
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    await Promise.all(Array.from({ length: this.options.concurrency ?? 5 }, () => this.work(signal)));
  }

  private async work(signal: AbortSignal): Promise<void> {
    const { name, reconcile, tracer = noTracer } = this.options;
    for (let key = await this.queue.get(); key !== undefined; key = await this.queue.get()) {
      try {
        const result = await tracer.span('reconcile', { controller: name, key }, () => reconcile(key));
        this.queue.forget(key);
        if (result) this.queue.addAfter(key, result.requeueAfter);
      } catch (error) {
        if (!signal.aborted) this.failed(key, error);
      } finally {
        this.queue.done(key);
      }
    }
  }

  private failed(key: string, error: unknown): void {
    const { name, logger } = this.options;
    // Races with other writers are everyday events: the next try sees the newer state.
    if (!isConflict(error) && !isNotFound(error) && !isAlreadyExists(error)) {
      logger.warn('reconcile failed', { controller: name, key, error, retries: this.queue.requeues(key) });
    }
    this.queue.addRateLimited(key);
  }
}
