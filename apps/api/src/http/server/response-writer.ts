import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { StatusError } from '#apimachinery';
import { negotiateStatus } from '../../codec/negotiation.js';
import { type ListBody, wholeList } from '../objects/list-body.js';
import { renderObject } from '../objects/response-renderer.js';
import {
  type Fragment,
  GZIP_HEADER,
  GzipTrailer,
  keptFragment,
  makeFragment,
  storedFragment,
} from './gzip-fragments.js';
import { auditIdOf, auditTrailOf, flowOf } from './request-marks.js';

/** Bodies from this size on are compressed for clients that take it, as the reference does. */
const GZIP_FROM_BYTES = 128 * 1024;

/** Lists up to this size are written at once. */
const WHOLE_BYTES = 256 * 1024;

/** Bytes that are written at a time, and pieces that are compressed at a time, at most. */
const WRITE_BYTES = 64 * 1024;
const COMPRESSIONS = 2;

export type Warnings = readonly string[];

/** Names and values in turn: the form that costs Node least. */
type Headers = string[];

/** How priority and fairness classified the request. Names would tell more than clients are to know. */
export const LEVEL_HEADER = 'X-Kubernetes-Pf-Prioritylevel-Uid';
export const SCHEMA_HEADER = 'X-Kubernetes-Pf-Flowschema-Uid';

/** The headers that all answers have. */
export function headerList(request: IncomingMessage, mediaType: string, warnings: Warnings): Headers {
  const headers = ['Audit-Id', auditIdOf(request), 'Cache-Control', 'no-cache, private', 'Content-Type', mediaType];
  const flow = flowOf(request);
  if (flow) headers.push(LEVEL_HEADER, flow.levelUid, SCHEMA_HEADER, flow.schemaUid);
  if (warnings.length > 0) for (const text of shownWarnings(warnings)) headers.push('Warning', warningHeader(text));
  return headers;
}

/** Characters of all warnings of an answer, and of each once there are more. */
const MAX_WARNINGS_LENGTH = 4096;
const MAX_WARNING_LENGTH = 256;

/** Each text once, and all of them within limits: apiserver's endpoints/filters/warning.go. */
export function shownWarnings(warnings: Warnings): string[] {
  let shown: string[] = [];
  let length = 0;
  let cuts = false;
  for (const text of new Set(warnings)) {
    if (text === '') continue;
    if (!cuts && length + charactersOf(text) > MAX_WARNINGS_LENGTH) {
      cuts = true;
      shown = shown.map(cut);
      length = shown.reduce((sum, other) => sum + charactersOf(other), 0);
    }
    // The first that goes beyond the limit is still shown.
    else if (cuts && length >= MAX_WARNINGS_LENGTH) break;
    shown.push(cuts ? cut(text) : text);
    length += charactersOf(shown[shown.length - 1]!);
  }
  return shown;
}

function cut(text: string): string {
  // A character is two units at most.
  return Array.from(text.slice(0, 2 * MAX_WARNING_LENGTH))
    .slice(0, MAX_WARNING_LENGTH)
    .join('');
}

function charactersOf(text: string): number {
  if (text.length > 2 * MAX_WARNINGS_LENGTH) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** `299 - "text"`, without control characters, quotes escaped. */
function warningHeader(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: header values may not hold them
  const plain = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').replace(/[\\"]/g, '\\$&');
  return `299 - "${Buffer.from(plain).toString('latin1')}"`;
}

/** Sends a body, waiting for the socket; compresses it when that pays. Resolves when all is handed over. */
export async function sendBody(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  mediaType: string,
  body: Buffer | ListBody,
  warnings: Warnings,
): Promise<void> {
  const headers = headerList(request, mediaType, warnings);
  if (body.length > GZIP_FROM_BYTES && acceptsGzip(request)) {
    headers.push('Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding');
    response.writeHead(code, headers);
    if (Buffer.isBuffer(body)) await sendZipped(response, body);
    else await sendZippedList(response, body);
    return;
  }
  headers.push('Content-Length', String(body.length));
  response.writeHead(code, headers);
  if (Buffer.isBuffer(body)) response.end(body);
  else await sendList(response, body);
}

async function sendZipped(response: ServerResponse, body: Buffer): Promise<void> {
  response.end(await promisify(gzip)(body, { level: constants.Z_BEST_SPEED }));
}

async function sendList(response: ServerResponse, list: ListBody): Promise<void> {
  if (list.length <= WHOLE_BYTES) {
    response.end(wholeList(list));
    return;
  }
  const { head, separator, pieces, tail } = list;
  response.write(head);
  for (const [i, piece] of pieces.entries()) {
    if (i > 0 && separator.length > 0) response.write(separator);
    if (!response.write(piece.render())) await drained(response);
    if (response.destroyed) return;
  }
  response.end(tail);
}

/** One gzip member out of the pieces that were compressed before and of those that are compressed now, a few ahead. */
async function sendZippedList(response: ServerResponse, list: ListBody): Promise<void> {
  const { head, separator, pieces, tail } = list;
  const between = separator.length > 0 ? storedFragment(separator) : undefined;
  const trailer = new GzipTrailer();
  let parts: Buffer[] = [GZIP_HEADER];
  let size = 0;
  const add = (fragment: Fragment) => {
    trailer.add(fragment);
    parts.push(fragment.blocks);
    size += fragment.blocks.length;
  };
  add(storedFragment(head));
  const ahead: (Fragment | Promise<Fragment>)[] = [];
  let started = 0;
  for (let i = 0; i < pieces.length; i += 1) {
    while (started < pieces.length && started < i + COMPRESSIONS) {
      const piece = pieces[started++]!;
      const fragment = keptFragment(piece) ?? makeFragment(piece);
      if (fragment instanceof Promise) fragment.catch(() => {});
      ahead.push(fragment);
    }
    const next = ahead.shift()!;
    const fragment = next instanceof Promise ? await next : next;
    if (i > 0 && between) add(between);
    add(fragment);
    if (size < WRITE_BYTES) continue;
    if (!response.write(Buffer.concat(parts))) await drained(response);
    if (response.destroyed) return;
    parts = [];
    size = 0;
  }
  add(storedFragment(tail, true));
  response.end(Buffer.concat([...parts, trailer.bytes()]));
}

/** Resolves with true when more may be written, or when nobody reads any more; with false when neither came in time. */
export function drained(target: NodeJS.EventEmitter, limitMs?: number): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (inTime: boolean) => {
      clearTimeout(timer);
      target.off('drain', done);
      target.off('close', done);
      target.off('error', done);
      resolve(inTime);
    };
    const done = () => finish(true);
    const timer = limitMs === undefined ? undefined : setTimeout(() => finish(false), limitMs);
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

/** Answers with a Status, whatever went wrong, in the form that the client asks for. */
export function sendError(response: ServerResponse, error: StatusError, warnings: Warnings = []): void {
  const { status } = error;
  const { req: request } = response;
  auditTrailOf(request)?.refused(error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { mediaType } = negotiateStatus(request.headers.accept);
  const headers = headerList(request, mediaType, warnings);
  headers.push('X-Content-Type-Options', 'nosniff');
  const retryAfter = status.details?.retryAfterSeconds;
  if (retryAfter) headers.push('Retry-After', String(retryAfter));
  // As the reference does for a body that it does not read on; and what comes after `Expect: 100-continue` may be no body.
  if (status.code === 413 || (!request.complete && request.headers.expect)) headers.push('Connection', 'close');
  const body = renderObject(status, mediaType);
  headers.push('Content-Length', String(body.length));
  response.writeHead(status.code, headers);
  endWhenSent(response, body);
}

/** The rest of a body that nobody wants is thrown away for this long. */
export const DISCARD_MS = 5_000;

/**
 * Ends an answer that may come before all of the request is there. Closing a connection on which more arrives resets it, which would
 * take the answer from a client that is still sending.
 */
function endWhenSent(response: ServerResponse, body: Buffer): void {
  const { req: request } = response;
  if (request.complete) {
    response.end(body);
    return;
  }
  const done = () => {
    clearTimeout(timer);
    request.off('end', done);
    response.end();
  };
  const timer = setTimeout(done, DISCARD_MS);
  request.on('end', done);
  response.once('close', () => clearTimeout(timer));
  response.write(body);
  request.resume();
}

export function sendText(response: ServerResponse, code: number, text: string): void {
  const body = Buffer.from(text);
  const headers = headerList(response.req, 'text/plain; charset=utf-8', []);
  headers.push('X-Content-Type-Options', 'nosniff', 'Content-Length', String(body.length));
  response.writeHead(code, headers);
  endWhenSent(response, body);
}
