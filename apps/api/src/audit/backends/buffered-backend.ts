import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEvent, eventBytes } from '../audit-event.js';
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

interface Waiting {
  event: AuditEvent;
  bytes: number;
}

/** A batch that has this many bytes is full. */
const BATCH_BYTES = 10 * 1024 * 1024;
/** Bytes of the events that wait or are being sent, at most. */
const BUFFER_BYTES = 128 * 1024 * 1024;

/** The mode `batch`: requests do not wait for their events. Events that find the buffer full are lost. */
export class BufferedBackend implements AuditBackend {
  private readonly waiting: Waiting[] = [];
  private waitingBytes = 0;
  private sendingBytes = 0;
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
    const lost = events.filter((event) => !this.take(event));
    if (lost.length > 0) {
      const why = this.closed ? 'audit backend shut down' : 'audit buffer queue blocked';
      this.metrics.failed('buffered', new Error(why), lost);
    }
    if (this.hasFullBatch) this.drain(false);
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

  private get hasFullBatch(): boolean {
    return this.waiting.length >= this.options.maxBatchSize || this.waitingBytes >= BATCH_BYTES;
  }

  /** False when there is no room for the event. */
  private take(event: AuditEvent): boolean {
    const bytes = eventBytes(event);
    if (this.closed || this.waiting.length >= this.options.bufferSize) return false;
    if (this.waitingBytes + this.sendingBytes + bytes > BUFFER_BYTES) return false;
    this.waiting.push({ event, bytes });
    this.waitingBytes += bytes;
    return true;
  }

  /** Sends full batches, and with `all` what is left. */
  private drain(all: boolean): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.draining ??= this.send(all).finally(() => {
      this.draining = undefined;
      if (this.closed) return;
      if (this.hasFullBatch) this.drain(false);
      else if (this.waiting.length > 0) {
        this.timer ??= setTimeout(() => this.drain(true), this.options.maxBatchWaitMs).unref();
      }
    });
  }

  private async send(all: boolean): Promise<void> {
    const { maxBatchSize, parallel } = this.options;
    const rest = all || this.waitingBytes >= BATCH_BYTES ? 0 : this.waiting.length % maxBatchSize;
    let left = this.waiting.length - rest;
    while (left > 0) {
      const { events, bytes } = this.nextBatch(Math.min(maxBatchSize, left));
      left -= events.length;
      if (!this.closed) await this.turn();
      const sent = this.deliver(events, bytes).finally(() => this.sending.delete(sent));
      this.sending.add(sent);
      if (!parallel) await sent;
    }
  }

  /** One event at least, and as many more as have room in a batch. */
  private nextBatch(most: number): { events: AuditEvent[]; bytes: number } {
    let bytes = this.waiting[0]!.bytes;
    let count = 1;
    while (count < most && bytes + this.waiting[count]!.bytes <= BATCH_BYTES) {
      bytes += this.waiting[count]!.bytes;
      count += 1;
    }
    this.waitingBytes -= bytes;
    this.sendingBytes += bytes;
    return { events: this.waiting.splice(0, count).map(({ event }) => event), bytes };
  }

  /** Never rejects: nobody would hear of it, and that ends the process. */
  private async deliver(events: readonly AuditEvent[], bytes: number): Promise<void> {
    try {
      await this.backend.process(events);
    } catch (error) {
      this.metrics.failed('buffered', error, events);
    } finally {
      this.sendingBytes -= bytes;
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
