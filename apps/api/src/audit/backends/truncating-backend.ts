import { type AuditEvent, eventJson } from '../audit-event.js';
import type { AuditMetrics } from '../audit-metrics.js';
import type { AuditBackend } from './audit-backend.js';

export interface TruncateOptions {
  /** Bytes of an event, and of a batch. */
  maxEventSize: number;
  maxBatchSize: number;
}

/** Takes the objects from events that are too large, drops events that are too large without them, and splits batches. */
export class TruncatingBackend implements AuditBackend {
  constructor(
    private readonly backend: AuditBackend,
    private readonly options: TruncateOptions,
    private readonly metrics: AuditMetrics,
  ) {}

  async process(events: readonly AuditEvent[]): Promise<boolean> {
    const batches: AuditEvent[][] = [];
    const tooLarge: AuditEvent[] = [];
    let batchSize = Number.POSITIVE_INFINITY;
    for (const given of events) {
      const { event, size } = this.fitting(given);
      if (size > this.options.maxEventSize) {
        tooLarge.push(event);
        continue;
      }
      if (batchSize + size > this.options.maxBatchSize) {
        batches.push([]);
        batchSize = 0;
      }
      batches.at(-1)!.push(event);
      batchSize += size;
    }
    if (tooLarge.length > 0) {
      this.metrics.failed('truncate', new Error('event is too large even after truncating'), tooLarge);
    }
    let stored = true;
    for (const batch of batches) stored = (await this.backend.process(batch)) && stored;
    return stored;
  }

  close(): Promise<void> {
    return this.backend.close();
  }

  private fitting(event: AuditEvent): { event: AuditEvent; size: number } {
    const size = sizeOf(event);
    if (size <= this.options.maxEventSize || event.level === 'Metadata') return { event, size };
    const { requestObject: _, responseObject: __, ...rest } = event;
    const cut = { ...rest, annotations: { ...event.annotations, 'audit.k8s.io/truncated': 'true' } };
    return { event: cut, size: sizeOf(cut) };
  }
}

function sizeOf(event: AuditEvent): number {
  return Buffer.byteLength(eventJson(event)) + 1;
}
