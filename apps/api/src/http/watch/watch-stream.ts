import type { WatchItem, WatchSession } from '../../registry/api-result.js';
import type { WatchRenderer } from '../objects/response-renderer.js';
import { drained } from '../server/response-writer.js';
import { WatchPacer } from './watch-pacer.js';
import type { WatchSink } from './watch-sink.js';

/** All the watchers of a process share its time. */
const pacer = new WatchPacer();

/** Bytes that are read and written at once, but for a single event's: what a watcher that does not read holds on to. */
const CHUNK_BYTES = 256 * 1024;

/** A watcher that takes nothing for this long is cut off. It comes back, with the revision that it has, when it reads again. */
export const UNREAD_WATCH_MS = 60_000;

/** Lines of one batch go out together; a slow reader is waited for, and the cache expires it when it is too slow. */
export async function streamWatch(
  sink: WatchSink,
  renderer: WatchRenderer,
  session: WatchSession,
  unreadMs: number,
): Promise<void> {
  try {
    for (;;) {
      const items = await session.next();
      if (items === undefined) break;
      const batch = new Batch(items, renderer);
      while (!batch.isOver) {
        await pacer.turn();
        if (sink.closed) return;
        // Waiting for a slow reader is a pause, too.
        if (sink.write(batch.take())) await pacer.pause();
        else if (!(await drained(sink.stream, unreadMs))) {
          sink.cut();
          return;
        }
      }
    }
    sink.end();
  } finally {
    session.stop();
  }
}

/** Events that come together. Each is rendered once. */
class Batch {
  private next = 0;
  /** The line that was too much for those before it. */
  private held: Buffer | undefined;
  private heldBytes = 0;

  constructor(
    private readonly items: readonly WatchItem[],
    private readonly renderer: WatchRenderer,
  ) {}

  get isOver(): boolean {
    return this.held === undefined && this.next === this.items.length;
  }

  /** Lines until they are enough to write. */
  take(): Buffer[] {
    const { items, renderer } = this;
    const lines = this.held ? [this.held] : [];
    let bytes = this.held ? this.heldBytes : 0;
    this.held = undefined;
    while (this.next < items.length && bytes < CHUNK_BYTES) {
      const item = items[this.next++]!;
      const line = renderer.render(item);
      const more = Math.max(line.length, renderer.bytesRead(item));
      if (lines.length > 0 && bytes + more > CHUNK_BYTES) {
        this.held = line;
        this.heldBytes = more;
        break;
      }
      lines.push(line);
      bytes += more;
    }
    return lines;
  }
}
