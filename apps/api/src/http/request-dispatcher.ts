import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  asStatusError,
  badRequest,
  genericNotFound,
  methodNotAllowed,
  type StatusError,
  tooManyRequests,
  type UserInfo,
} from '#apimachinery';
import type { Credentials, RequestAuthenticator } from '../authentication/authenticator.js';
import type { Authorizer } from '../authorization/authorizer.js';
import { knownFailure } from '../registry/api-handler.js';
import { authorizePathOrThrow, pathAttributes, resourceAttributes } from '../registry/authorization.js';
import type { ObjectPathHandler } from './object-path.handler.js';
import { bearerOfProtocols } from './proxy/upstream-pipe.js';
import { parseRequestInfo, type RequestInfo } from './request-info.js';
import { isLongRunning, type RequestMetrics } from './request-metrics.js';
import { auditId, sendError } from './response-writer.js';

export interface DispatcherOptions {
  authenticator: RequestAuthenticator;
  authorizer: Authorizer;
  objects: ObjectPathHandler;
  metrics: RequestMetrics;
  /** Streams and proxies to nodes; undefined answers when the request is none of these. */
  proxy?: ConnectHandler;
  /** Reads that may be under way at a time, watches not counted. */
  maxInflightReads: number;
  maxInflightWrites: number;
}

/** Takes requests on connect subresources: pods/exec and the like. */
export interface ConnectHandler {
  takes(info: RequestInfo): boolean;
  serve(request: IncomingMessage, response: ServerResponse, info: RequestInfo, user: UserInfo): Promise<void>;
  /** A request that leaves HTTP: WebSocket or SPDY. Rejects while it may still be answered with a Status. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, info: RequestInfo, user: UserInfo): Promise<void>;
}

/** A request's user, for the controllers of paths that name no resource. */
export const REQUEST_USER: unique symbol = Symbol('user');

/** Anybody may ask for these, also while RBAC is still being loaded. */
const ALWAYS_ALLOWED = new Set(['/healthz', '/livez', '/readyz']);
const READS = new Set(['get', 'list', 'watch', 'head', 'options', 'trace']);

/** A client certificate is verified once for a connection and again after this long. */
const IDENTITY_LIFETIME_MS = 60_000;

interface ConnectionIdentity {
  user: UserInfo;
  until: number;
}

/** The first steps of every request: identity, limits, counting; then the object path, a proxy, or the framework. */
export class RequestDispatcher {
  private readonly identities = new WeakMap<object, ConnectionIdentity>();
  /** Watches and streams that are open: they would hold up a shutdown for ever. */
  private readonly open = new Set<ServerResponse | Socket>();

  constructor(
    private readonly options: DispatcherOptions,
    /** Paths that name no resource and answer no other method. */
    private readonly getOnly: ReadonlySet<string>,
    /** Serves the paths that name no resource. */
    private readonly framework: (request: IncomingMessage, response: ServerResponse) => void,
  ) {}

  handle(request: IncomingMessage, response: ServerResponse): void {
    void this.dispatch(request, response);
  }

  private async dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    let info: RequestInfo;
    try {
      info = parseRequestInfo(request.method ?? 'GET', request.url ?? '/');
    } catch (error) {
      sendError(response, badRequest((error as Error).message));
      return;
    }
    const { metrics } = this.options;
    const gauge = this.admitOrRefuse(info, response);
    if (!gauge) return;
    gauge.value += 1;
    const endless = isLongRunning(info);
    if (endless) this.open.add(response);
    response.once('close', () => {
      gauge.value -= 1;
      if (endless) this.open.delete(response);
      metrics.observe(info, response.statusCode, (performance.now() - started) / 1000);
    });
    try {
      const user = await this.identify(request, info);
      if (info.isResourceRequest) {
        const { proxy, objects } = this.options;
        if (!proxy?.takes(info)) return await objects.serve(request, response, info, user);
        response.setHeader('Audit-Id', auditId());
        return await proxy.serve(request, response, info, user);
      }
      if (!ALWAYS_ALLOWED.has(info.path)) {
        await authorizePathOrThrow(this.options, user, info.verb, info.path);
      }
      if (info.verb !== 'get' && this.getOnly.has(info.path.replace(/\/$/, ''))) throw methodNotAllowed();
      (request as unknown as Record<symbol, UserInfo>)[REQUEST_USER] = user;
      response.setHeader('Audit-Id', auditId());
      this.framework(request, response);
    } catch (error) {
      sendError(response, statusOf(error));
    }
  }

  /** Ends what would not end by itself; clients come back to the next server. */
  endOpenStreams(): void {
    for (const stream of this.open) stream.end();
  }

  handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    this.upgrade(request, socket, head).catch((error) => refuseUpgrade(socket, statusOf(error)));
  }

  private async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { metrics, proxy } = this.options;
    const info = parseRequestInfo(request.method ?? 'GET', request.url ?? '/');
    request.headers.authorization ??= bearerOfProtocols(request.headers['sec-websocket-protocol']);
    const user = await this.identify(request, info);
    if (!info.isResourceRequest || !proxy) throw genericNotFound();
    const gauge = metrics.longRunningCell(info);
    if (gauge) gauge.value += 1;
    this.open.add(socket);
    socket.once('close', () => {
      if (gauge) gauge.value -= 1;
      this.open.delete(socket);
    });
    await proxy.upgrade(request, socket, head, info, user);
  }

  /** The gauge that the request counts in; undefined when it was refused. */
  private admitOrRefuse(info: RequestInfo, response: ServerResponse) {
    const { metrics, maxInflightReads, maxInflightWrites } = this.options;
    const long = isLongRunning(info) ? metrics.longRunningCell(info) : undefined;
    if (long) return long;
    const read = READS.has(info.verb);
    const gauge = read ? metrics.inflightReads : metrics.inflightWrites;
    if (gauge.value < (read ? maxInflightReads : maxInflightWrites)) return gauge;
    sendError(response, tooManyRequests('Too many requests, please try again later.', 1));
    return undefined;
  }

  /** Who sends this. A connection's certificate is looked at once; headers that say more are looked at each time. */
  private async identify(request: IncomingMessage, info: RequestInfo): Promise<UserInfo> {
    const { headers } = request;
    const socket = request.socket as TLSSocket;
    const plain = headers.authorization === undefined && !asksForMore(headers);
    if (plain) {
      const known = this.identities.get(socket);
      if (known && known.until > Date.now()) return known.user;
    }
    const credentials: Credentials = { ...peerCertificates(socket), authorization: headers.authorization };
    // Repeated headers (one for each group to impersonate) stay apart: a group's name may hold a comma.
    if (!plain) {
      credentials.headers = request.headersDistinct;
      credentials.request = info.isResourceRequest ? resourceAttributes(info) : pathAttributes(info.verb, info.path);
    }
    const user = await this.options.authenticator.authenticate(credentials);
    if (plain) this.identities.set(socket, { user, until: Date.now() + IDENTITY_LIFETIME_MS });
    return user;
  }
}

function statusOf(error: unknown): StatusError {
  return asStatusError(knownFailure(error) ?? error);
}

function asksForMore(headers: IncomingMessage['headers']): boolean {
  if (headers['x-remote-user'] !== undefined) return true;
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}

function peerCertificates(socket: TLSSocket): Pick<Credentials, 'clientCertificate' | 'intermediates'> {
  const peer = socket.getPeerCertificate?.(true);
  if (!peer?.raw) return {};
  const intermediates: Buffer[] = [];
  for (let issuer = peer.issuerCertificate; issuer?.raw && issuer !== issuer.issuerCertificate; ) {
    intermediates.push(issuer.raw);
    issuer = issuer.issuerCertificate;
  }
  return { clientCertificate: peer.raw, intermediates };
}

/** There is no response object on an upgrade: the answer is written by hand. */
function refuseUpgrade(socket: Socket, { status }: StatusError): void {
  if (socket.destroyed) return;
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
