import { type AuditEvent, eventBytes, eventJson, legacyLine } from '../audit-event.js';
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
/** A write that has this many bytes takes no more lines. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/** Writes a line for each event. Events that arrive during a write are written together in the next one. */
export class LogBackend implements AuditBackend {
  private readonly waiting: Waiting[] = [];
  private writing: Promise<void> | undefined;

  constructor(
    private readonly target: LineTarget,
    private readonly format: AuditLogFormat,
    private readonly metrics: AuditMetrics,
  ) {}

  async process(events: readonly AuditEvent[]): Promise<boolean> {
    const stored = events.map((event) => new Promise<boolean>((done) => this.waiting.push({ event, done })));
    this.writing ??= this.write();
    return (await Promise.all(stored)).every(Boolean);
  }

  async close(): Promise<void> {
    await this.writing;
    await this.target.close();
  }

  private async write(): Promise<void> {
    // Events of the same moment are written together.
    await undefined;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.nextCount());
      const lines: string[] = [];
      const written = batch.filter((one) => {
        const line = this.lineOf(one.event);
        if (line === undefined) one.done(false);
        else lines.push(line);
        return line !== undefined;
      });
      const stored = written.length > 0 && (await this.append(lines, written));
      for (const { done } of written) done(stored);
    }
    // At once: an event that comes now begins the next write.
    this.writing = undefined;
  }

  /** How many events the next write has: one at least. */
  private nextCount(): number {
    const most = Math.min(this.waiting.length, LINES_AT_ONCE);
    let count = 0;
    for (let bytes = 0; count < most && bytes < BYTES_AT_ONCE; count += 1)
      bytes += eventBytes(this.waiting[count]!.event);
    return count;
  }

  /** Undefined for an event that cannot be written: only that one is lost. */
  private lineOf(event: AuditEvent): string | undefined {
    try {
      return `${this.format === 'json' ? eventJson(event) : legacyLine(event)}\n`;
    } catch (error) {
      this.metrics.failed('log', error, [event]);
      return undefined;
    }
  }

  private async append(lines: readonly string[], written: readonly Waiting[]): Promise<boolean> {
    try {
      await this.target.append(lines.join(''));
      return true;
    } catch (error) {
      const events = written.map(({ event }) => event);
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
