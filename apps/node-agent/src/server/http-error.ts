import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { CriError, GrpcCode } from '../runtime/cri.js';

/** A failure that the caller sees as it stands; kubelet answers with plain text, and so do we. */
export class HttpError extends Error {
  override name = 'HttpError';

  constructor(
    readonly code: number,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

const RUNTIME_CODES: Record<number, number> = {
  [GrpcCode.NotFound]: 404,
  3: 400,
  8: 429,
  [GrpcCode.Cancelled]: 504,
  [GrpcCode.DeadlineExceeded]: 504,
};

/** Anything thrown as an answer: the runtime's codes as the CRI streaming library maps them, the rest 500. */
export function asHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof CriError) {
    const code = RUNTIME_CODES[error.code] ?? 500;
    return new HttpError(code, error.message, code === 429 ? { 'Retry-After': '1' } : {});
  }
  return new HttpError(500, error instanceof Error ? error.message : String(error));
}

/** Answers an upgrade request that is not carried out; the connection ends with it. */
export function refuseUpgrade(socket: Duplex, error: HttpError): void {
  if (socket.destroyed) return;
  const body = `${error.message}\n`;
  const lines = [
    `HTTP/1.1 ${error.code} ${STATUS_CODES[error.code] ?? ''}`,
    'Content-Type: text/plain; charset=utf-8',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...Object.entries(error.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.on('error', () => {});
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
