import type { IncomingMessage, ServerResponse } from 'node:http';
import { createGzip, constants as zlib } from 'node:zlib';
import type { Status, StatusError } from '#apimachinery';
import type { OutputFormat } from './negotiation.js';
import { renderStatus } from './response-renderer.js';

/** Bodies from this size on are compressed for clients that take it, as the reference does. */
const GZIP_FROM_BYTES = 128 * 1024;
/** Enough for JSON, and four times as fast as zlib's default. */
const GZIP_LEVEL = zlib.Z_BEST_SPEED;

type Headers = Record<string, string | string[] | number>;

const BASE_HEADERS = { 'Cache-Control': 'no-cache, private' };

export function warningHeaders(warnings: readonly string[]): Headers | undefined {
  if (warnings.length === 0) return undefined;
  return { Warning: [...new Set(warnings)].map(warningHeader) };
}

/** `299 - "text"`, without control characters, quotes escaped. */
function warningHeader(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: header values may not hold them
  const plain = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').replace(/[\\"]/g, '\\$&');
  return `299 - "${Buffer.from(plain).toString('latin1')}"`;
}

/** Sends a body in pieces, waiting for the socket; compresses it when that pays. Resolves when all is handed over. */
export async function sendBody(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  mediaType: string,
  pieces: readonly Buffer[],
  extra?: Headers,
): Promise<void> {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const headers: Headers = { ...BASE_HEADERS, 'Content-Type': mediaType, ...extra };
  if (length > GZIP_FROM_BYTES && acceptsGzip(request)) {
    headers['Content-Encoding'] = 'gzip';
    headers['Vary'] = 'Accept-Encoding';
    response.writeHead(code, headers);
    const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: 64 * 1024 });
    gzip.pipe(response);
    await writeAll(gzip, pieces);
    return;
  }
  headers['Content-Length'] = length;
  response.writeHead(code, headers);
  if (pieces.length === 1) {
    response.end(pieces[0]);
    return;
  }
  await writeAll(response, pieces);
}

async function writeAll(target: NodeJS.WritableStream & { destroyed?: boolean }, pieces: readonly Buffer[]) {
  for (const piece of pieces) {
    if (target.destroyed) return;
    if (!target.write(piece)) await drained(target);
  }
  target.end();
}

/** Resolves when more may be written, or when nobody reads any more. */
export function drained(target: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      target.off('drain', done);
      target.off('close', done);
      target.off('error', done);
      resolve();
    };
    target.on('drain', done);
    target.on('close', done);
    target.on('error', done);
  });
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers['accept-encoding'];
  return (
    accepted !== undefined &&
    /(^|[\s,])gzip([\s,;]|$)/.test(accepted as string) &&
    !/gzip;\s*q=0(\.0*)?([\s,]|$)/.test(accepted as string)
  );
}

/** Answers with a Status, whatever went wrong. */
export function sendError(response: ServerResponse, error: StatusError, format?: OutputFormat, extra?: Headers): void {
  sendStatus(response, error.status, format, extra);
}

function sendStatus(response: ServerResponse, status: Status, format: OutputFormat | undefined, extra?: Headers): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const headers: Headers = {
    ...BASE_HEADERS,
    'Content-Type': format?.mediaType ?? 'application/json',
    'X-Content-Type-Options': 'nosniff',
    ...extra,
  };
  const retryAfter = status.details?.retryAfterSeconds;
  if (retryAfter) headers['Retry-After'] = String(retryAfter);
  if (status.code === 413) headers['Connection'] = 'close';
  const body = renderStatus(status, format);
  headers['Content-Length'] = body.length;
  response.writeHead(status.code, headers);
  response.end(body);
}

export function sendText(response: ServerResponse, code: number, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(code, {
    ...BASE_HEADERS,
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': body.length,
  });
  response.end(body);
}
