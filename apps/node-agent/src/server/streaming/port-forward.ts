import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream } from 'ws';
import { drained } from '../drain.js';
import { HttpError } from '../http-error.js';
import { SpdyConnection } from '../spdy/connection.js';
import type { SpdyStream } from '../spdy/stream.js';
import { acceptWebSocket, type ChannelSocket, offeredSubprotocols } from './channels.js';
import { dialRuntime } from './runtime-dial.js';
import { join } from './spdy-proxy.js';

const TUNNEL_PREFIX = 'SPDY/3.1+';
const RUNTIME_PROTOCOL = 'portforward.k8s.io';

/** SPDY protocols that the client wants to speak inside a WebSocket. */
export function tunnelledProtocols(request: IncomingMessage): string[] {
  return offeredSubprotocols(request)
    .filter((name) => name.startsWith(TUNNEL_PREFIX) && name.endsWith('.k8s.io'))
    .map((name) => name.slice(TUNNEL_PREFIX.length));
}

/** Binary messages carry the bytes of a SPDY connection: they are unwrapped for the runtime, and wrapped on the way back. */
export async function tunnelPortForward(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  url: string,
): Promise<void> {
  const { response, socket } = await dialRuntime(url, tunnelledProtocols(request));
  const chosen = response.headers['x-stream-protocol-version'];
  if (typeof chosen !== 'string' || chosen === '') {
    socket.destroy();
    throw new HttpError(500, 'the runtime chose no port-forward protocol');
  }
  try {
    const ws = await acceptWebSocket(request, client, head, TUNNEL_PREFIX + chosen);
    join(createWebSocketStream(ws), socket);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The `ports` of a client that speaks in channels. Throws 400. */
export function parsePorts(query: URLSearchParams): number[] {
  const values = query.getAll('port');
  if (values.length === 0) throw new HttpError(400, 'query parameter "port" is required');
  return values.flatMap((value) => {
    if (value === '') throw new HttpError(400, 'query parameter "port" cannot be empty');
    return value.split(',').map((text) => {
      const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      if (!(port <= 0xffff)) throw new HttpError(400, `unable to parse ${JSON.stringify(value)} as a port`);
      if (port < 1) throw new HttpError(400, `port ${JSON.stringify(value)} must be > 0`);
      return port;
    });
  });
}

/**
 * The older form: port i has channel 2i for data and 2i+1 for errors, both begin with the port in two bytes, and each port
 * is one connection, made at once.
 */
export async function bridgePortForward(socket: ChannelSocket, url: string, ports: readonly number[]): Promise<void> {
  let connection: SpdyConnection | undefined;
  try {
    for (const [index, port] of ports.entries()) {
      const preamble = Buffer.alloc(2);
      preamble.writeUInt16LE(port);
      await socket.send(index * 2, preamble);
      await socket.send(index * 2 + 1, preamble);
    }
    const runtime = await dialRuntime(url, [RUNTIME_PROTOCOL]);
    connection = new SpdyConnection(runtime.socket, { role: 'client' });
    const data: SpdyStream[] = [];
    const finished: Promise<void>[] = [];
    for (const [index, port] of ports.entries()) {
      const headers = { port: String(port), requestid: String(index) };
      const errors = await connection.openStream({ ...headers, streamtype: 'error' });
      errors.end();
      const stream = await connection.openStream({ ...headers, streamtype: 'data' });
      data.push(stream);
      finished.push(pump(socket, index * 2, stream), pump(socket, index * 2 + 1, errors));
    }
    const clientGone = socket.receive(async (message) => {
      if ('close' in message || message.channel % 2 !== 0) return;
      const stream = data[message.channel / 2];
      if (stream && message.data.length > 0 && !stream.write(message.data)) await drained(stream);
    });
    await Promise.race([clientGone, Promise.all(finished)]);
  } catch (error) {
    await socket.send(1, Buffer.from(error instanceof Error ? error.message : String(error)));
  } finally {
    connection?.close();
    socket.close();
  }
}

async function pump(socket: ChannelSocket, channel: number, stream: SpdyStream): Promise<void> {
  for await (const data of stream as AsyncIterable<Buffer>) await socket.send(channel, data);
}
