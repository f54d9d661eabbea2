import { type AuditEvent, eventJson, legacyLine } from '../audit-event.js';
import type { AuditMetrics } from '../audit-metrics.js';
import type { AuditBackend } from './audit-backend.js';

/** What lines are appended to: a file, or the standard output. */
export interface LineTarget {
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

export type AuditLogFormat = 'json' | 'legacy';

interface Waiting {
  event: AuditEvent;
  done(stored: boolean): void;
}

/** Lines that are appended at once, at most. */
const LINES_AT_ONCE = 500;

/** Writes a line for each event. Events that arrive during a write are written together in the next one. */
export class LogBackend implements AuditBackend {
  private waiting: Waiting[] = [];
  private writing: Promise<void> | undefined;

  constructor(
    private readonly target: LineTarget,
    private readonly format: AuditLogFormat,
    private readonly metrics: AuditMetrics,
  ) {}

  async process(events: readonly AuditEvent[]): Promise<boolean> {
    const stored = events.map((event) => new Promise<boolean>((done) => this.waiting.push({ event, done })));
    this.writing ??= this.write().finally(() => {
      this.writing = undefined;
    });
    return (await Promise.all(stored)).every(Boolean);
  }

  async close(): Promise<void> {
    await this.writing;
    await this.target.close();
  }

  private async write(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.slice(0, LINES_AT_ONCE);
      this.waiting = this.waiting.slice(LINES_AT_ONCE);
      const stored = await this.append(batch.map(({ event }) => event));
      for (const { done } of batch) done(stored);
    }
  }

  private async append(events: readonly AuditEvent[]): Promise<boolean> {
    const line = this.format === 'json' ? eventJson : legacyLine;
    try {
      await this.target.append(`${events.map((event) => line(event)).join('\n')}\n`);
      return true;
    } catch (error) {
      this.metrics.failed('log', error, events);
      return false;
    }
  }
}

/** `--audit-log-path -` */
export function standardOutput(): LineTarget {
  return {
    append: (text) =>
      new Promise((resolve, reject) => process.stdout.write(text, (error) => (error ? reject(error) : resolve()))),
    close: () => Promise.resolve(),
  };
}
