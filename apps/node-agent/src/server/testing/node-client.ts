import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import type { ClientCertificate } from './certificates.js';

/** Talks to a node server as the API server would. */
export class NodeClient {
  constructor(
    private readonly port: number,
    private readonly ca: string,
    private readonly certificate?: ClientCertificate,
    private readonly headers: OutgoingHttpHeaders = {},
  ) {}

  private get options() {
    return { host: '127.0.0.1', port: this.port, ca: this.ca, agent: false as const, ...this.certificate };
  }

  open(path: string, method = 'GET'): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      request({ ...this.options, path, method, headers: this.headers }, resolve)
        .on('error', reject)
        .end();
    });
  }

  async get(path: string, method = 'GET'): Promise<{ code: number; body: string; response: IncomingMessage }> {
    const response = await this.open(path, method);
    return { code: response.statusCode!, body: await text(response), response };
  }

  /** Rejects with `<code> <text>` when the server does not switch. */
  upgrade(path: string, headers: OutgoingHttpHeaders): Promise<{ socket: Duplex; response: IncomingMessage }> {
    return new Promise((resolve, reject) => {
      const all = { ...this.headers, Connection: 'Upgrade', ...headers };
      const call = request({
        ...this.options,
        path,
        method: headers['Upgrade'] === 'websocket' ? 'GET' : 'POST',
        headers: all,
      });
      call.on('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve({ socket, response });
      });
      call.on('response', async (response) => {
        reject(new Error(`${response.statusCode} ${(await text(response)).trim()}`));
      });
      call.on('error', reject).end();
    });
  }

  webSocket(path: string, protocols: string[]): Promise<WebSocket> {
    const ws = new WebSocket(`wss://127.0.0.1:${this.port}${path}`, protocols, {
      ...this.options,
      headers: this.headers as Record<string, string>,
    });
    return new Promise((resolve, reject) => {
      ws.once('open', () => {
        // Held until someone reads.
        ws.pause();
        resolve(ws);
      });
      ws.once('unexpected-response', async (_call, response) => {
        reject(new Error(`${response.statusCode} ${(await text(response)).trim()}`));
      });
      ws.once('error', reject);
    });
  }
}

/** All that comes on each channel until the socket is closed, as latin1 text. */
export async function readChannels(ws: WebSocket): Promise<Map<number, string>> {
  const channels = followChannels(ws);
  await channels.closed;
  return channels.texts;
}

/** As `readChannels`, for who closes the socket: what came so far, and a promise of what was waited for. */
export function followChannels(ws: WebSocket) {
  const base64 = ws.protocol.includes('base64');
  const texts = new Map<number, string>();
  ws.on('message', (content: Buffer) => {
    const channel = base64 ? content[0]! - 0x30 : content[0]!;
    const data = base64 ? Buffer.from(content.toString('latin1', 1), 'base64') : content.subarray(1);
    texts.set(channel, (texts.get(channel) ?? '') + data.toString('latin1'));
  });
  const closed = new Promise<void>((resolve) => {
    ws.once('close', () => resolve());
  });
  ws.resume();
  /** Until so much came on all channels together, or the socket is closed; how it is cut into messages does not matter. */
  const received = (length: number) => {
    const enough = new Promise<void>((resolve) => {
      const count = () => {
        if ([...texts.values()].join('').length >= length) resolve();
      };
      ws.on('message', count);
      count();
    });
    return Promise.race([enough, closed]);
  };
  return { texts, closed, received };
}
