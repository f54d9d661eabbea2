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
      // Waiting for a slow reader is a pause, too.
      if (writeChunk(response, renderer, items)) await pause();
      else await drained(response.socket ?? response);
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
const MIN_PAUSE_MS = 2;
const MAX_PAUSE_MS = 20;

/** Pauses are this many times as long as the writing to all busy watchers, which leaves most of the time to others. */
const PAUSE_SHARE = 12;

/** How much the latest write counts: one that the machine held up says little of the next. */
const LATEST_WEIGHT = 0.1;

/** Watchers that are written to before the event loop looks at requests again. */
const WATCHERS_A_TURN = 8;

const waiting: (() => void)[] = [];
let turning = false;
/** Milliseconds that a write takes. */
let writeMs = 0;
/** Watchers that pause now, and those of them that were written to in this turn. */
let pausing = 0;
let group: { size: number; over: Promise<void> } | undefined;

/**
 * After what the event loop is at: whoever made the change gets an answer before the watchers are told, a few at a time, so that many
 * watchers hold up nobody's request.
 */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (turning) return;
    turning = true;
    setImmediate(takeTurn);
  });
}

function takeTurn(): void {
  const started = performance.now();
  const resolvers = waiting.splice(0, WATCHERS_A_TURN);
  for (const resolve of resolvers) resolve();
  // Comes after all those who waited for this turn, and write in it.
  queueMicrotask(() => {
    writeMs += LATEST_WEIGHT * ((performance.now() - started) / resolvers.length - writeMs);
    group = undefined;
    turning = waiting.length > 0;
    if (turning) setImmediate(takeTurn);
  });
}

/**
 * The moment at which the watchers of this turn may be written to again. Pauses differ a little, so that the turns of many
 * watchers spread over time: their clients then decode while we write to others, and while requests are served.
 */
function pause(): Promise<void> {
  group ??= startGroup();
  group.size += 1;
  pausing += 1;
  return group.over;
}

function startGroup(): NonNullable<typeof group> {
  const started = { size: 0, over: Promise.resolve() };
  const ms = Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, PAUSE_SHARE * writeMs * pausing));
  started.over = new Promise((resolve) => {
    setTimeout(
      () => {
        pausing -= started.size;
        resolve();
      },
      ms * (0.75 + Math.random() / 2),
    );
  });
  return started;
}
