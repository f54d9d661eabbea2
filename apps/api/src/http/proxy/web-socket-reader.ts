import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocketServer } from 'ws';
import type { ProxyTarget } from './proxy-target.js';
import { connectionTo, dialError, refusal } from './upstream-pipe.js';

/** The subprotocols of one-way streams, and how each writes bytes. */
const ENCODERS = new Map<string, (chunk: Buffer) => Buffer | string>([
  ['binary.k8s.io', (chunk) => chunk],
  ['base64.binary.k8s.io', (chunk) => chunk.toString('base64')],
]);

const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  handleProtocols: (offered) => [...offered].find((name) => ENCODERS.has(name)) ?? false,
});

/** What the target answers, as messages of a WebSocket that is closed at its end. A refusal is thrown as a Status. */
export async function pipeToWebSocket(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  target: ProxyTarget,
): Promise<void> {
  const source = await open(target, socket);
  sockets.handleUpgrade(request, socket, head, async (client) => {
    const encode = ENCODERS.get(client.protocol) ?? ENCODERS.get('binary.k8s.io')!;
    client.on('close', () => source.destroy());
    client.on('error', () => source.destroy());
    try {
      for await (const chunk of source) {
        client.send(encode(chunk as Buffer));
        // A slow reader holds the source back.
        if (socket.writableNeedDrain) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
      }
      client.close(1000);
    } catch {
      client.close(1011);
    }
  });
}

function open(target: ProxyTarget, socket: Socket): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      host: target.host,
      port: target.port,
      path: target.path,
      createConnection: () => connectionTo(target),
    });
    outgoing.on('response', (incoming) => {
      const code = incoming.statusCode ?? 502;
      if (code >= 200 && code <= 206) resolve(incoming);
      else text(incoming).then((body) => reject(refusal(code, body)), reject);
    });
    outgoing.on('error', (error) => reject(dialError(target, error)));
    socket.once('close', () => outgoing.destroy());
    outgoing.end();
  });
}
