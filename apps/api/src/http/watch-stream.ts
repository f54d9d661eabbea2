import type { ServerResponse } from 'node:http';
import type { WatchSession } from '../registry/pipeline.js';
import type { ResourceEntry } from '../registry/resource-table.js';
import type { OutputFormat } from './negotiation.js';
import { WatchRenderer } from './response-renderer.js';
import { drained, headerList, type Warnings } from './response-writer.js';

/** Lines of one batch go out together; a slow reader is waited for, and the cache expires it when it is too slow. */
export async function streamWatch(
  response: ServerResponse,
  entry: ResourceEntry,
  session: WatchSession,
  format: OutputFormat,
  query: URLSearchParams,
  warnings: Warnings,
): Promise<void> {
  try {
    const renderer = new WatchRenderer(entry, format, query);
    response.writeHead(200, headerList('application/json', warnings));
    response.flushHeaders();
    for (;;) {
      const items = await session.next();
      if (items === undefined) break;
      if (items.length === 0) continue;
      await nextTurn();
      if (response.destroyed || response.writableEnded) break;
      if (!writeChunk(response, renderer, items)) await drained(response.socket ?? response);
      await nextBeat();
    }
    response.end();
  } finally {
    session.stop();
  }
}

type Items = NonNullable<Awaited<ReturnType<WatchSession['next']>>>;

const LINE_BREAK = Buffer.from('\r\n');

/**
 * Writes one chunk of the chunked body, framed here: the response would write its length, its bytes and its end one by one.
 * Returns false when the reader is behind.
 */
function writeChunk(response: ServerResponse, renderer: WatchRenderer, items: Items): boolean {
  const { socket } = response;
  const lines = items.map((item) => renderer.render(item));
  if (!socket || !response.chunkedEncoding)
    return response.write(lines.length === 1 ? lines[0]! : Buffer.concat(lines));
  let length = 0;
  for (const line of lines) length += line.length;
  return socket.write(Buffer.concat([Buffer.from(`${length.toString(16)}\r\n`, 'latin1'), ...lines, LINE_BREAK]));
}

/**
 * Bounds, in milliseconds, of the pause between two writes to one watcher. What happens meanwhile waits in the cache's ring and goes
 * out together: under load a write (a TLS record, a wake-up of the client) costs more than the events in it. A watcher that
 * was quiet gets its event at once.
 */
const MIN_PAUSE_MS = 4;
const MAX_PAUSE_MS = 30;

/** Pauses are this many times as long as the writing between them, so that writes to watchers leave most of the time to others. */
const PAUSE_SHARE = 8;

let turn: Promise<void> | undefined;
let beat: Promise<void> | undefined;
let pauseMs = MIN_PAUSE_MS;

/** After what the event loop is at: whoever made the change gets an answer before all the watchers are told. */
function nextTurn(): Promise<void> {
  if (turn) return turn;
  const now = new Promise<void>((resolve) => {
    setImmediate(() => {
      turn = undefined;
      const started = performance.now();
      resolve();
      // Comes after all those who wait for this turn, and write in it.
      void now.then(() => {
        pauseMs = Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, PAUSE_SHARE * (performance.now() - started)));
      });
    });
  });
  turn = now;
  return now;
}

/** The next moment at which watchers that were just written to may be written to again: one timer for them all. */
function nextBeat(): Promise<void> {
  beat ??= new Promise((resolve) => {
    setTimeout(() => {
      beat = undefined;
      resolve();
    }, pauseMs);
  });
  return beat;
}
