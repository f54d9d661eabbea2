import { dirname } from 'node:path';
import { parseTime } from '#apimachinery';
import { FileTree } from '#files';
import { LogChanges } from './log-changes.js';
import { fixedWidthTime, parseLogEntry } from './log-entry.js';
import { LogFile } from './log-file.js';
import type { LogOptions } from './log-options.js';

const NEWLINE = 0x0a;

/** How long a follower trusts that no change is missed; it then looks by itself. Milliseconds. */
const RECHECK = 10_000;

/** What a follower must know of the container whose log it reads. */
export interface FollowedContainer {
  /** Once false, everything the container wrote is in its log. */
  running(): Promise<boolean>;
  onChange(listener: () => void): () => void;
}

/**
 * The content of a container's log as clients see it, in pieces. Follows over rotation; ends when the container has
 * ended and all is sent, at the byte limit, or when the signal fires. Rotated files are not read, as in kubelet.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  container: FollowedContainer,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const filter = new LogFilter(options);
  // Kubelet resolves links first, which runtimes of old had there; these words are of that. A CRI log is no link.
  let file = await LogFile.open(path).catch((error: Error) => {
    throw new Error(`failed to try resolving symlinks in path ${JSON.stringify(path)}: ${error.message}`);
  });
  let changes: LogChanges | undefined;
  try {
    if (options.tailLines !== undefined) await file.seekTail(options.tailLines);
    if (options.follow) changes = new LogChanges(path, signal, (listener) => container.onChange(listener));
    for (;;) {
      // Asked before reading: what an ended container wrote is all there to read.
      const running = options.follow && !signal.aborted && (await container.running());
      for await (const lines of file.records()) {
        const piece = filter.take(lines);
        if (piece.length > 0) yield piece;
        if (filter.done || signal.aborted) return;
      }
      if (!changes || signal.aborted) break;
      const next = await replacement(path, file);
      if (next) {
        // Written between the last look and the runtime's move to the new file.
        for await (const lines of file.records()) {
          const piece = filter.take(lines);
          if (piece.length > 0) yield piece;
          if (filter.done) {
            await next.close();
            return;
          }
        }
        await file.close();
        file = next;
        continue;
      }
      if (!running) break;
      await changes.wait(RECHECK);
    }
    const last = file.incomplete();
    if (last && !signal.aborted && !filter.done) {
      const piece = filter.take([last]);
      if (piece.length > 0) yield piece;
    }
  } finally {
    changes?.close();
    await file.close();
  }
}

/** The file that took the place of `current` by rotation; undefined while there is none. */
async function replacement(path: string, current: LogFile): Promise<LogFile | undefined> {
  const found = await new FileTree(dirname(path)).stat(path).catch(() => undefined);
  if (!found || found.inode === current.inode) return undefined;
  return LogFile.open(path).catch(() => undefined);
}

/** Applies the options to records and turns them into what is sent. */
class LogFilter {
  private atLineStart = true;
  private records: number;
  private bytes: number;

  constructor(private readonly options: LogOptions) {
    const { tailLines, limitBytes, follow } = options;
    // Without follow, what is written while the tail is being read does not belong to it.
    this.records = tailLines !== undefined && !follow ? tailLines : Number.POSITIVE_INFINITY;
    this.bytes = limitBytes ?? Number.POSITIVE_INFINITY;
  }

  get done(): boolean {
    return this.records <= 0 || this.bytes <= 0;
  }

  take(lines: readonly Buffer[]): Buffer {
    const pieces: Buffer[] = [];
    for (const line of lines) {
      if (this.done) break;
      const entry = parseLogEntry(line);
      if (!entry) continue;
      this.records--;
      const { stream, since, timestamps } = this.options;
      const wanted =
        (stream === undefined || stream === entry.stream) && (since === undefined || parseTime(entry.time)! >= since);
      if (wanted) {
        if (timestamps && this.atLineStart) this.emit(pieces, Buffer.from(`${fixedWidthTime(entry.time)} `));
        this.emit(pieces, entry.content);
      }
      this.atLineStart = entry.content.length === 0 || entry.content.at(-1) === NEWLINE;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  private emit(pieces: Buffer[], piece: Buffer): void {
    const cut = piece.length > this.bytes ? piece.subarray(0, this.bytes) : piece;
    this.bytes -= cut.length;
    if (cut.length > 0) pieces.push(cut);
  }
}
