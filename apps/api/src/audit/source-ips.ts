import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Addresses that a request came by: those that proxies tell of, then that of the connection, which alone can be believed. */
export function sourceIPs({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): string[] {
  const found: string[] = [];
  for (const part of first(headers['x-forwarded-for']).split(',')) {
    const address = addressOf(part.trim());
    if (address) found.push(address);
  }
  const real = addressOf(first(headers['x-real-ip']));
  if (real && !found.includes(real)) found.push(real);
  const remote = addressOf(socket.remoteAddress ?? '');
  if (remote && found.at(-1) !== remote) found.push(remote);
  return found;
}

function first(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? '';
}

/** In its usual form; an IPv4 address is written as one however it was sent. */
function addressOf(text: string): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  if (mapped && isIP(mapped)) return mapped;
  const family = isIP(text);
  if (family === 4) return text;
  return family === 6 && !text.includes('%') ? new URL(`http://[${text}]`).hostname.slice(1, -1) : undefined;
}
