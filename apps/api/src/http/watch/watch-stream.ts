import type { WatchItem, WatchSession } from '../../registry/api-result.js';
import type { WatchRenderer } from '../objects/response-renderer.js';
import { drained } from '../server/response-writer.js';
import { WatchPacer } from './watch-pacer.js';
import type { WatchSink } from './watch-sink.js';

/** All the watchers of a process share its time. */
const pacer = new WatchPacer();

/** Bytes that are written at once, but for a single event's: what a watcher that does not read holds on to. */
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
      for (let at = 0; at < items.length; ) {
        await pacer.turn();
        if (sink.closed) return;
        const { lines, next } = linesFrom(items, at, renderer);
        at = next;
        // Waiting for a slow reader is a pause, too.
        if (sink.write(lines)) await pacer.pause();
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

/** Lines from one item on, until they are enough to write. */
function linesFrom(
  items: readonly WatchItem[],
  from: number,
  renderer: WatchRenderer,
): { lines: Buffer[]; next: number } {
  const lines: Buffer[] = [];
  let next = from;
  for (let bytes = 0; next < items.length && bytes < CHUNK_BYTES; next += 1) {
    const line = renderer.render(items[next]!);
    if (lines.length > 0 && bytes + line.length > CHUNK_BYTES) break;
    lines.push(line);
    bytes += line.length;
  }
  return { lines, next };
}
