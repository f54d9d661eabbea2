import type { Clock, Timer } from '#client';

/** Runs a task for everybody who asks: once for many who ask at a time, and then not again at once. */
export class PacedTask {
  private wanted = false;
  private running: Promise<void> | undefined;
  /** The run after the one under way, for those who wait for it. */
  private next: Promise<void> | undefined;
  private timer: Timer | undefined;
  private endedAt = Number.NEGATIVE_INFINITY;
  private stopped = false;

  /** `task` never rejects. `paceMs` is the least time between the end of a run and the next that nobody waits for. */
  constructor(
    private readonly clock: Clock,
    private readonly paceMs: number,
    private readonly task: () => Promise<void>,
  ) {}

  /** A run begins after this call, soon. */
  request(): void {
    this.wanted = true;
    if (this.running !== undefined || this.timer !== undefined || this.stopped) return;
    const wait = this.endedAt + this.paceMs - this.clock.now();
    if (wait <= 0) this.start();
    else this.timer = this.clock.setTimeout(() => this.start(), wait);
  }

  /**
   * Resolves when a run has ended that began after the last request so far, without any pause before it; undefined when none is
   * wanted. Later requests, however many, are not waited for.
   */
  finished(): Promise<void> | undefined {
    if (this.running === undefined) return this.startWanted();
    if (!this.wanted) return this.running;
    this.next ??= this.running.then(() => {
      this.next = undefined;
      return this.running ?? this.startWanted();
    });
    return this.next;
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private startWanted(): Promise<void> | undefined {
    if (!this.wanted || this.stopped) return undefined;
    this.start();
    return this.running;
  }

  private start(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.wanted = false;
    this.running = this.task().finally(() => {
      this.running = undefined;
      this.endedAt = this.clock.now();
      if (this.wanted) this.request();
    });
  }
}
