import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import type { TestServer } from './api-environment.js';

/** Where a plain HTTPS request goes, and whose certificate it shows unless told otherwise. */
export type Target = Pick<TestServer, 'url' | 'tls'>;

export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  /** Objects are sent as JSON. */
  body?: string | Buffer | object;
  /** Without a body's length, in chunks. */
  chunked?: boolean;
  /** Another certificate than the administrator's, or none. */
  as?: { cert: string; key: string } | 'nobody';
}

export interface Answer {
  code: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  readonly json: any;
}

/** One request on a connection of its own, and its whole answer. */
export async function call(target: Target, path: string, sent: Sent = {}): Promise<Answer> {
  const incoming = await send(target, path, sent);
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part);
  const body = Buffer.concat(parts);
  return {
    code: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body,
    get json() {
      return JSON.parse(body.toString());
    },
  };
}

/** A watch over HTTPS: its events one after the other. Nothing is read before the first is asked for. */
export class WatchReader {
  readonly headers: IncomingHttpHeaders;
  readonly code: number;
  private lines: AsyncIterator<string> | undefined;

  private constructor(private readonly incoming: IncomingMessage) {
    this.headers = incoming.headers;
    this.code = incoming.statusCode ?? 0;
  }

  static async open(target: Target, path: string, sent: Sent = {}): Promise<WatchReader> {
    return new WatchReader(await send(target, path, sent));
  }

  /** Undefined when the server has ended the watch. */
  async next(): Promise<{ type: string; object: any } | undefined> {
    // Lines are taken from the connection as they come from now on, whether anybody waits for them or not.
    this.lines ??= createInterface({ input: this.incoming, crlfDelay: Number.POSITIVE_INFINITY })[
      Symbol.asyncIterator
    ]();
    const { value, done } = await this.lines.next();
    return done ? undefined : JSON.parse(value);
  }

  /** All events until the server ends the watch. */
  async rest(): Promise<{ type: string; object: any }[]> {
    const events = [];
    for (let event = await this.next(); event; event = await this.next()) events.push(event);
    return events;
  }

  close(): void {
    this.incoming.destroy();
  }
}

function send({ url, tls }: Target, path: string, sent: Sent): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body, chunked = false, as = tls } = sent;
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(`${url}${path}`, {
      method,
      ca: tls.ca,
      ...(as === 'nobody' ? undefined : { cert: as.cert, key: as.key }),
      agent: false,
      headers: {
        ...(bytes === undefined ? undefined : { 'Content-Type': 'application/json' }),
        ...(bytes === undefined || chunked ? undefined : { 'Content-Length': Buffer.byteLength(bytes) }),
        ...headers,
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', resolve);
    outgoing.end(bytes);
  });
}
