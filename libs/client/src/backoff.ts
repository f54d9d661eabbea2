/** Exponential delays with jitter; a long quiet time starts them over. All times in milliseconds. */
export interface BackoffOptions {
  initial: number;
  factor: number;
  max: number;
  /** Each delay is stretched by a random part of up to this share. */
  jitter: number;
  /** Without a call for this long, the next delay is `initial` again. */
  resetAfter: number;
}

/** What client-go's reflector waits between failed lists and watches: 0.8 s doubling to 30 s, reset after 2 min. */
export const REFLECTOR_BACKOFF: BackoffOptions = {
  initial: 800,
  factor: 2,
  max: 30_000,
  jitter: 1,
  resetAfter: 120_000,
};

export class Backoff {
  private next: number;
  private last = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly options: BackoffOptions,
    private readonly now: () => number,
    private readonly random: () => number = Math.random,
  ) {
    this.next = options.initial;
  }

  /** The delay to wait now; each call moves to the next one. */
  step(): number {
    const now = this.now();
    if (now - this.last > this.options.resetAfter) this.next = this.options.initial;
    this.last = now;
    const base = this.next;
    this.next = Math.min(base * this.options.factor, this.options.max);
    return base * (1 + this.random() * this.options.jitter);
  }

  reset(): void {
    this.next = this.options.initial;
  }
}
