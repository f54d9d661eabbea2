import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import { badRequest, internalError, type StatusError, setOwn, statusErrorFrom } from '#apimachinery';
import { auditIdOf } from '../server/request-marks.js';
import { linkRewriter, rewriteLink } from './html-links.js';
import type { ProxyTarget } from './proxy-target.js';

/** Headers that belong to one connection, and those that must not leave the API server. */
const NOT_PASSED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'authorization',
  'host',
]);
const DIAL_TIMEOUT_MS = 30_000;
/** Browsers put their token here, since they cannot set headers. */
export const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

export interface PipeOptions {
  /** A refusal is not passed on but thrown as a Status: node servers answer in plain text, which clients cannot read. */
  statusErrors?: boolean;
  /** Links in pages, and redirects, are moved below this path: see `rewriteLink`. */
  linkPrefix?: string;
  /** For another API server, which gets the request's audit ID too: headers that say who asks, instead of the client's own ones. */
  user?: Record<string, string | string[]>;
}

/** Sends the request on and its answer back, without holding either. */
export function pipeRequest(
  request: IncomingMessage,
  response: ServerResponse,
  target: ProxyTarget,
  { statusErrors = false, linkPrefix, user }: PipeOptions = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(request.headers)) {
      if (value !== undefined && !NOT_PASSED.has(name) && !saysWhoAsks(name, user)) setOwn(headers, name, value);
    }
    Object.assign(headers, user);
    if (user) headers['audit-id'] = auditIdOf(request);
    headers['x-forwarded-for'] = request.socket.remoteAddress ?? '';
    headers['x-forwarded-uri'] = request.url ?? '';
    // A page is read to move its links.
    if (linkPrefix) delete headers['accept-encoding'];
    const send = target.secure ? httpsRequest : httpRequest;
    const outgoing = send({
      host: target.host,
      port: target.port,
      path: target.path,
      method: request.method,
      headers,
      createConnection: () => connectionTo(target),
    });
    outgoing.setTimeout(DIAL_TIMEOUT_MS, () => {
      if (!outgoing.socket || outgoing.socket.connecting) outgoing.destroy(new Error('i/o timeout'));
    });
    outgoing.on('response', (incoming) => {
      const code = incoming.statusCode ?? 502;
      if (statusErrors && (code < 200 || code > 206)) {
        text(incoming).then((body) => reject(refusal(code, body)), reject);
        return;
      }
      const answered: Record<string, string | string[]> = {};
      for (const [name, value] of Object.entries(incoming.headers)) {
        if (value !== undefined && !NOT_PASSED.has(name)) setOwn(answered, name, value);
      }
      // Another API server may call the request otherwise: its client is told what this one's audit log calls it.
      if (user || answered['audit-id'] === undefined) answered['audit-id'] = auditIdOf(request);
      const links = linkPrefix && {
        prefix: linkPrefix,
        targetHost: `${target.host}:${target.port}`,
        requestHost: request.headers.host ?? '',
      };
      if (links && typeof answered['location'] === 'string') {
        answered['location'] = rewriteLink(answered['location'], links);
      }
      const page = links && /^text\/html\b/i.test(incoming.headers['content-type'] ?? '');
      if (page) delete answered['content-length'];
      response.writeHead(code, answered);
      response.flushHeaders();
      if (page) {
        incoming.setEncoding('utf8');
        linkRewriter(links).then((rewriter) => {
          rewriter.on('error', () => response.destroy());
          incoming.pipe(rewriter).pipe(response);
        }, reject);
      } else incoming.pipe(response);
      incoming.on('error', () => response.destroy());
      incoming.on('end', resolve);
      incoming.on('close', resolve);
    });
    outgoing.on('error', (error) => reject(dialError(target, error)));
    response.on('close', () => outgoing.destroy());
    request.pipe(outgoing);
  });
}

/** A new connection, with TLS where the target wants it. */
export function connectionTo({ connect, secure, host, tls }: ProxyTarget): Socket {
  const socket = connect();
  if (!secure) return socket;
  const servername = isIP(host) ? {} : { servername: host };
  return tlsConnect({
    socket,
    host,
    ...servername,
    ALPNProtocols: ['http/1.1'],
    ...(tls ?? { rejectUnauthorized: false }),
  });
}

/** Connects, repeats the request line and headers, and joins the two sockets: what follows is theirs alone. */
export function pipeUpgrade(
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
  target: ProxyTarget,
  user?: Record<string, string | string[]>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const upstream = connectionTo(target);
    let connected = false;
    upstream.setTimeout(DIAL_TIMEOUT_MS, () => {
      if (!connected) upstream.destroy(new Error('i/o timeout'));
    });
    upstream.once(target.secure ? 'secureConnect' : 'connect', () => {
      connected = true;
      upstream.setTimeout(0);
      upstream.setNoDelay(true);
      client.setNoDelay(true);
      client.setTimeout(0);
      upstream.write(requestHead(request, target, user), 'latin1');
      if (head.length > 0) upstream.write(head);
      client.pipe(upstream);
      upstream.pipe(client);
      resolve();
    });
    upstream.on('error', (error) => {
      if (connected) client.destroy();
      else reject(dialError(target, error));
    });
    client.on('error', () => upstream.destroy());
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroySoon());
  });
}

function requestHead(request: IncomingMessage, target: ProxyTarget, user?: Record<string, string | string[]>): string {
  const lines = [`${request.method} ${target.path} HTTP/1.1`, `Host: ${target.host}:${target.port}`];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]!;
    const lower = name.toLowerCase();
    let value = request.rawHeaders[i + 1]!;
    if (lower === 'host' || lower === 'authorization' || saysWhoAsks(lower, user)) continue;
    if (user && lower === 'audit-id') continue;
    if (lower === 'sec-websocket-protocol') {
      value = value
        .split(',')
        .filter((item) => !item.trim().startsWith(BEARER_PROTOCOL))
        .join(',');
      if (value.trim() === '') continue;
    }
    lines.push(`${name}: ${value}`);
  }
  if (user) lines.push(`Audit-Id: ${auditIdOf(request)}`);
  for (const [name, value] of Object.entries(user ?? {}))
    for (const one of [value].flat()) lines.push(`${name}: ${one}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** No token of any kind: who shows it is refused, and not taken for somebody who shows nothing. */
const NO_TOKEN = '-';

/** The token of a WebSocket subprotocol as an Authorization header. It may stand there once, in base64url's one spelling. */
export function bearerOfProtocols(header: string | undefined): string | undefined {
  const offered = header?.split(',').map((item) => item.trim()) ?? [];
  const [found, ...more] = offered.filter((item) => item.startsWith(BEARER_PROTOCOL));
  if (!found) return undefined;
  const encoded = found.slice(BEARER_PROTOCOL.length);
  const token = Buffer.from(encoded, 'base64url');
  const good = more.length === 0 && encoded !== '' && token.toString('base64url') === encoded;
  return `Bearer ${good ? token.toString() : NO_TOKEN}`;
}

/** What a node server refused, in the shape that the reference gives it. */
export function refusal(code: number, body: string): StatusError {
  if (code === 400) return badRequest(body);
  if (code === 500) return internalError(new Error(body));
  return statusErrorFrom(body, code);
}

export function dialError(target: ProxyTarget, error: Error & { code?: string }): StatusError {
  const why = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message;
  return internalError(new Error(`error dialing backend: dial tcp ${target.host}:${target.port}: ${why}`));
}

/** A client's word about who it is: for the server behind, that is this server's to say. */
function saysWhoAsks(name: string, user: object | undefined): boolean {
  return name.startsWith('impersonate-') || (user !== undefined && name.startsWith('x-remote-'));
}
