/** The time of one call: from when it is asked for, through the wait for a slot, the dial and all attempts, to the last byte. */
export class CallTime {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private reason = '';
  private readonly cancel = () => this.over('context canceled');

  constructor(
    /** Of the request that is waiting for the call. */
    private readonly asked: AbortSignal,
    timeoutSeconds: number,
  ) {
    this.timer = setTimeout(() => this.over('context deadline exceeded'), timeoutSeconds * 1000);
    if (asked.aborted) this.cancel();
    else asked.addEventListener('abort', this.cancel, { once: true });
  }

  /** Fires when nothing of the call may go on. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Why the signal fired, in Go's words. */
  get why(): string {
    return this.reason;
  }

  get isCanceled(): boolean {
    return this.asked.aborted;
  }

  end(): void {
    clearTimeout(this.timer);
    this.asked.removeEventListener('abort', this.cancel);
  }

  private over(reason: string): void {
    if (this.reason !== '') return;
    this.reason = reason;
    this.controller.abort();
  }
}
