import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { HttpError } from '../http-error.js';

export interface RuntimeConnection {
  response: IncomingMessage;
  socket: Socket;
}

/** An error text longer than this is cut. */
const MAX_ERROR = 64 * 1024;
const CONNECT_TIMEOUT = 30_000;
const KEEP_ALIVE = 30_000;

/**
 * Switches to SPDY at the runtime's streaming server (plain HTTP on loopback; `url` carries a one-time token). Rejects
 * with the runtime's own answer when it refuses.
 */
export function dialRuntime(url: string, protocols: readonly string[]): Promise<RuntimeConnection> {
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: 'POST',
      agent: false,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'SPDY/3.1',
        'Content-Length': 0,
        ...(protocols.length > 0 ? { 'X-Stream-Protocol-Version': [...protocols] } : {}),
      },
    });
    const timer = setTimeout(() => call.destroy(new Error('timed out')), CONNECT_TIMEOUT);
    call.on('upgrade', (response, socket: Socket, head) => {
      clearTimeout(timer);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE);
      if (head.length > 0) socket.unshift(head);
      resolve({ response, socket });
    });
    call.on('response', (response) => {
      clearTimeout(timer);
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        if (text.length < MAX_ERROR) text += piece;
      });
      const fail = () =>
        reject(new HttpError(response.statusCode ?? 502, text.trim() || 'the runtime refused the stream'));
      response.on('end', fail);
      response.on('error', fail);
    });
    call.on('error', (error) => {
      clearTimeout(timer);
      reject(new HttpError(502, `error dialing the runtime's streaming server: ${error.message}`));
    });
    call.end();
  });
}
