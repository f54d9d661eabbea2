import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { HttpError } from '../http-error.js';

/** As Go's WebSocket library bounds a message; also what fits into one SPDY frame. */
const MAX_MESSAGE = 0xffffff;
/** The v5 message `255, n` closes channel n. */
const CLOSE_CHANNEL = 255;
const CLOSE_GRACE = 10_000;

/** How one of the channel protocols differs from the others. */
export interface ChannelProtocol {
  /** '' when the client asked for none. */
  name: string;
  base64: boolean;
  /** Channel 3 carries a Status; before v4 it is the error's text, and nothing on success. */
  statusObjects: boolean;
}

export type ChannelMessage = { channel: number; data: Buffer } | { close: number };

export const REMOTE_COMMAND_PROTOCOLS: ChannelProtocol[] = [
  { name: 'v5.channel.k8s.io', base64: false, statusObjects: true },
  { name: 'v4.channel.k8s.io', base64: false, statusObjects: true },
  { name: 'v4.base64.channel.k8s.io', base64: true, statusObjects: true },
  { name: 'channel.k8s.io', base64: false, statusObjects: false },
  { name: 'base64.channel.k8s.io', base64: true, statusObjects: false },
  { name: '', base64: false, statusObjects: false },
];

export const PORT_FORWARD_PROTOCOLS: ChannelProtocol[] = [
  { name: 'v4.channel.k8s.io', base64: false, statusObjects: false },
  { name: 'v4.base64.channel.k8s.io', base64: true, statusObjects: false },
  { name: '', base64: false, statusObjects: false },
];

export function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Sixteen bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** What RFC 6455 wants of a handshake, before anything is done for it. Throws 400, 405, or 426 with the version that is spoken. */
export function checkHandshake({ method, headers }: IncomingMessage): void {
  if (method !== 'GET') throw new HttpError(405, 'a WebSocket handshake is a GET', { Allow: 'GET' });
  if (headers['sec-websocket-version'] !== '13') {
    throw new HttpError(426, 'missing or bad WebSocket Version', { 'Sec-WebSocket-Version': '13' });
  }
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) throw new HttpError(400, 'missing or bad WebSocket key');
}

/** In the client's order of preference. */
export function offeredSubprotocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return header
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
}

/** The first offered protocol that is known. Throws 403. */
export function chooseProtocol(request: IncomingMessage, supported: readonly ChannelProtocol[]): ChannelProtocol {
  const offered = offeredSubprotocols(request);
  for (const name of offered.length > 0 ? offered : ['']) {
    const found = supported.find((protocol) => protocol.name === name);
    if (found) return found;
  }
  const known = supported.map(({ name }) => name).join(' ');
  throw new HttpError(403, `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${known}]`);
}

/** Completes the WebSocket handshake with `subprotocol` ('': none). */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  subprotocol: string,
): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE,
  });
  // Kubernetes' tunnel protocols have a slash in their name, which the library refuses; so it does not see them.
  delete request.headers['sec-websocket-protocol'];
  if (subprotocol) server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${subprotocol}`));
  return new Promise((resolve, reject) => {
    server.on('wsClientError', (error) => reject(new HttpError(400, error.message)));
    server.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => ws.terminate());
      // Messages that come before someone listens would be lost.
      ws.pause();
      resolve(ws);
    });
  });
}

/** A WebSocket as numbered channels. */
export class ChannelSocket {
  constructor(
    readonly ws: WebSocket,
    readonly protocol: ChannelProtocol,
  ) {}

  /** Resolves when the network took it, so that a slow client slows the sender. A closed socket takes everything. */
  send(channel: number, data: Buffer): Promise<void> {
    if (this.ws.readyState !== WebSocket.OPEN) return Promise.resolve();
    return new Promise((resolve) => this.ws.send(encodeMessage(this.protocol, channel, data), () => resolve()));
  }

  /** Hands over messages one at a time; the next is read when the promise is done. Resolves when the client is gone. */
  async receive(handle: (message: ChannelMessage) => Promise<void> | void): Promise<void> {
    const { ws } = this;
    let chain = Promise.resolve();
    let waiting = 0;
    ws.on('message', (content, isBinary) => {
      const message = decodeMessage(this.protocol, content as Buffer, isBinary);
      if (!message) return;
      if (waiting++ === 0) ws.pause();
      chain = chain.then(async () => {
        await handle(message);
        if (--waiting === 0 && ws.readyState === WebSocket.OPEN) ws.resume();
      });
    });
    ws.resume();
    if (ws.readyState !== WebSocket.CLOSED) await once(ws, 'close').catch(() => {});
  }

  /** Closes in good order; a client that does not answer is cut off. */
  close(code = 1000): void {
    if (this.ws.readyState === WebSocket.CLOSED) return;
    this.ws.close(code);
    this.ws.resume();
    const timer = setTimeout(() => this.ws.terminate(), CLOSE_GRACE);
    this.ws.once('close', () => clearTimeout(timer));
  }
}

export function encodeMessage({ base64 }: ChannelProtocol, channel: number, data: Buffer): Buffer | string {
  if (base64) return String.fromCharCode(0x30 + channel) + data.toString('base64');
  const message = Buffer.allocUnsafe(data.length + 1);
  message[0] = channel;
  data.copy(message, 1);
  return message;
}

/** Undefined for what cannot be meant for a channel. */
export function decodeMessage(
  protocol: ChannelProtocol,
  content: Buffer,
  _isBinary = true,
): ChannelMessage | undefined {
  const first = content[0];
  if (first === undefined) return undefined;
  if (protocol.name === 'v5.channel.k8s.io' && first === CLOSE_CHANNEL) {
    return content.length === 2 ? { close: content[1]! } : undefined;
  }
  if (!protocol.base64) return { channel: first, data: content.subarray(1) };
  return { channel: first - 0x30, data: Buffer.from(content.toString('latin1', 1), 'base64') };
}
