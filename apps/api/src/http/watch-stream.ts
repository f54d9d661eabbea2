import type { ServerResponse } from 'node:http';
import type { WatchSession } from '../registry/pipeline.js';
import type { ResourceEntry } from '../registry/resource-table.js';
import type { OutputFormat } from './negotiation.js';
import { WatchRenderer } from './response-renderer.js';
import { drained, headerList, type Warnings } from './response-writer.js';
import { WatchPacer } from './watch-pacer.js';

/** All the watchers of a process share its time. */
const pacer = new WatchPacer();

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
      await pacer.turn();
      if (response.destroyed || response.writableEnded) break;
      // Waiting for a slow reader is a pause, too.
      if (writeChunk(response, renderer, items)) await pacer.pause();
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
