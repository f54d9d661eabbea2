import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEvent } from '../audit-event.js';
import type { AuditMetrics } from '../audit-metrics.js';
import type { AuditBackend } from './audit-backend.js';

export interface BatchOptions {
  /** Events that may wait. */
  bufferSize: number;
  maxBatchSize: number;
  /** Milliseconds that a batch that is not full waits. */
  maxBatchWaitMs: number;
  /** Batches per second, and how many at once after a pause. */
  throttle?: { qps: number; burst: number };
  /** The next batch does not wait for the one before. */
  parallel: boolean;
}

/** The mode `batch`: requests do not wait for their events. Events that find the buffer full are lost. */
export class BufferedBackend implements AuditBackend {
  private readonly waiting: AuditEvent[] = [];
  private readonly sending = new Set<Promise<unknown>>();
  private timer: NodeJS.Timeout | undefined;
  private draining: Promise<void> | undefined;
  private closed = false;
  private tokens: number;
  private refilledAt = performance.now();

  constructor(
    private readonly backend: AuditBackend,
    private readonly options: BatchOptions,
    private readonly metrics: AuditMetrics,
  ) {
    this.tokens = options.throttle?.burst ?? 0;
  }

  process(events: readonly AuditEvent[]): Promise<boolean> {
    const room = this.closed ? 0 : Math.max(0, this.options.bufferSize - this.waiting.length);
    this.waiting.push(...events.slice(0, room));
    if (events.length > room) {
      const why = this.closed ? 'audit backend shut down' : 'audit buffer queue blocked';
      this.metrics.failed('buffered', new Error(why), events.slice(room));
    }
    if (this.waiting.length >= this.options.maxBatchSize) this.drain(false);
    else if (this.waiting.length > 0) {
      this.timer ??= setTimeout(() => this.drain(true), this.options.maxBatchWaitMs).unref();
    }
    return Promise.resolve(true);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.draining;
    this.drain(true);
    await this.draining;
    await Promise.all(this.sending);
    await this.backend.close();
  }

  /** Sends full batches, and with `all` what is left. */
  private drain(all: boolean): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.draining ??= this.send(all).finally(() => {
      this.draining = undefined;
      if (this.closed) return;
      if (this.waiting.length >= this.options.maxBatchSize) this.drain(false);
      else if (this.waiting.length > 0) {
        this.timer ??= setTimeout(() => this.drain(true), this.options.maxBatchWaitMs).unref();
      }
    });
  }

  private async send(all: boolean): Promise<void> {
    const { maxBatchSize, parallel } = this.options;
    let left = all ? this.waiting.length : this.waiting.length - (this.waiting.length % maxBatchSize);
    while (left > 0) {
      const batch = this.waiting.splice(0, Math.min(maxBatchSize, left));
      left -= batch.length;
      if (!this.closed) await this.turn();
      const sent = this.backend.process(batch);
      this.sending.add(sent);
      void sent.finally(() => this.sending.delete(sent));
      if (!parallel) await sent;
    }
  }

  /** Waits until the rate allows another batch. */
  private async turn(): Promise<void> {
    const { throttle } = this.options;
    if (!throttle) return;
    const now = performance.now();
    this.tokens = Math.min(throttle.burst, this.tokens + ((now - this.refilledAt) / 1000) * throttle.qps);
    this.refilledAt = now;
    this.tokens -= 1;
    if (this.tokens < 0) await sleep((-this.tokens / throttle.qps) * 1000, undefined, { ref: false });
  }
}
