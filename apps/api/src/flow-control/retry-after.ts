const MOST_SECONDS = 32;

/** Seconds after which rejected clients of one level are to come again: more while many are rejected, as the reference has it. */
export class RetryAfter {
  private seconds = 1;
  private raisedAt = 0;
  private second = 0;
  private rejections = 0;
  private history: { second: number; rejections: number }[] = [];

  /** Counts a rejection. @param now - seconds */
  rejected(now: number): number {
    const second = Math.floor(now);
    if (second === this.second) this.rejections += 1;
    else {
      this.history.push({ second: this.second, rejections: this.rejections });
      const kept = Math.min(2 * this.seconds, MOST_SECONDS);
      this.history = this.history.filter((entry) => second - entry.second <= kept);
      this.second = second;
      this.rejections = 1;
      this.adjust(second);
    }
    return this.seconds;
  }

  private adjust(second: number): void {
    const { seconds } = this;
    const recent = this.history.filter((entry) => second - entry.second <= seconds);
    const rejections = recent.reduce((sum, entry) => sum + entry.rejections, 0);
    if (second - this.raisedAt >= seconds && rejections >= 3 * seconds) {
      this.seconds = Math.min(2 * seconds, MOST_SECONDS);
      this.raisedAt = second;
    } else if (rejections < seconds && seconds > 1) this.seconds -= 1;
  }
}
