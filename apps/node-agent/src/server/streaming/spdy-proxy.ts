import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { dialRuntime } from './runtime-dial.js';

/**
 * Connects a SPDY client with the runtime's streaming server, which speaks the same: bytes pass as they are, and the
 * runtime does the negotiation.
 */
export async function proxySpdy(request: IncomingMessage, client: Duplex, head: Buffer, url: string): Promise<void> {
  const { response, socket } = await dialRuntime(url, offeredProtocols(request));
  if (client.destroyed) {
    socket.destroy();
    return;
  }
  const lines = [`HTTP/1.1 101 ${response.statusMessage || 'Switching Protocols'}`];
  for (let index = 0; index + 1 < response.rawHeaders.length; index += 2) {
    lines.push(`${response.rawHeaders[index]}: ${response.rawHeaders[index + 1]}`);
  }
  client.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (head.length > 0) client.unshift(head);
  join(client, socket);
}

/** Each header line may name one protocol, or several with commas. */
export function offeredProtocols(request: IncomingMessage): string[] {
  const lines = request.headersDistinct['x-stream-protocol-version'] ?? [];
  return lines
    .flatMap((line) => line.split(','))
    .map((name) => name.trim())
    .filter(Boolean);
}

/** Pipes both ways; an end passes on as an end, and when one side is gone the other goes too. */
export function join(client: Duplex, runtime: Duplex): void {
  client.on('error', () => client.destroy());
  runtime.on('error', () => runtime.destroy());
  client.once('close', () => runtime.destroy());
  runtime.once('close', () => client.end(() => client.destroy()));
  client.pipe(runtime);
  runtime.pipe(client);
}
