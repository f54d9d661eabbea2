/** Decay of the smoothed demand for each period: it halves in five minutes of ten seconds each. */
const SMOOTHING = 0.977;

/** The demand for seats of one level over time: what borrowing is decided by. */
export class SeatDemand {
  average = 0;
  deviation = 0;
  highWatermark = 0;
  smoothed = 0;
  private value = 0;
  private max = 0;
  private since: number;
  private seconds = 0;
  private integral = 0;
  private squares = 0;

  /** @param now - seconds */
  constructor(now: number) {
    this.since = now;
  }

  set(value: number, now: number): void {
    this.pass(now);
    this.value = value;
    if (value > this.max) this.max = value;
  }

  /** Ends a period. */
  update(now: number): void {
    this.pass(now);
    this.highWatermark = Math.round(this.max);
    if (this.seconds > 0) {
      this.average = this.integral / this.seconds;
      this.deviation = Math.sqrt(Math.max(0, this.squares / this.seconds - this.average ** 2));
      const envelope = this.average + this.deviation;
      this.smoothed = Math.max(envelope, SMOOTHING * this.smoothed + (1 - SMOOTHING) * envelope);
    }
    this.seconds = 0;
    this.integral = 0;
    this.squares = 0;
    this.max = this.value;
  }

  private pass(now: number): void {
    const passed = now - this.since;
    this.since = now;
    this.seconds += passed;
    this.integral += this.value * passed;
    this.squares += this.value ** 2 * passed;
  }
}
