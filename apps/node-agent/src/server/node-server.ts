import { readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Authenticator } from './authentication.js';
import { Authorizer } from './authorization.js';
import { asHttpError, HttpError, refuseUpgrade } from './http-error.js';
import type { NodeServer, NodeServerOptions } from './node-server-options.js';
import { requestUrl } from './request-url.js';
import { type NodeRequest, type Route, Router } from './router.js';
import { routes } from './routes.js';
import { checkHandshake, isWebSocket } from './streaming/channels.js';
import { UnauthenticatedConnections } from './unauthenticated-connections.js';

export type { NodePods, NodeServer, NodeServerOptions, ServerRuntime } from './node-server-options.js';

/** How often the certificate files are looked at; milliseconds. */
const CERTIFICATE_CHECK = 60_000;
const KEEP_ALIVE = 30_000;
/** What a peer gets until its TLS handshake, its headers, its whole request are there; milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000;
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 60_000;
const TIMEOUT_CHECK = 5000;
/** Bytes; Node's own default, so that no flag of the process changes it. */
const MAX_HEADER_SIZE = 16 * 1024;
/** Open connections of peers that have shown no certificate of the cluster, and were authorized for nothing yet. */
const MAX_UNAUTHENTICATED = 512;

/** Kubelet's HTTPS server: every request is authenticated and authorized before anything else is looked at. */
export async function startNodeServer(options: NodeServerOptions): Promise<NodeServer> {
  const now = options.now ?? Date.now;
  const authenticator = new Authenticator(options.client, now);
  const authorizer = new Authorizer(options.client, options.nodeName, now);
  const router = new Router(routes(options));
  const unauthenticated = new UnauthenticatedConnections(MAX_UNAUTHENTICATED);

  const accept = async (request: IncomingMessage): Promise<{ route: Route; call: NodeRequest }> => {
    const method = request.method ?? 'GET';
    const { path, url } = requestUrl(request.url ?? '/');
    const user = await authenticator.authenticate(request).catch((error: unknown) => {
      if (error instanceof HttpError) throw error;
      options.logger.warn('a request could not be authenticated', { path, error });
      return undefined;
    });
    if (!user) throw new HttpError(401, 'Unauthorized');
    await authorizer.authorize(user, method, path);
    unauthenticated.release(request.socket);
    const { route, params } = router.match(method, path);
    return { route, call: { request, url, params } };
  };

  const server = createServer({
    ...readTls(options.tls),
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    keepAliveTimeout: 120_000,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    headersTimeout: HEADERS_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    connectionsCheckingInterval: TIMEOUT_CHECK,
    maxHeaderSize: MAX_HEADER_SIZE,
  });
  server.on('connection', (socket: Socket) => unauthenticated.add(socket));
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.authorized) unauthenticated.release(socket);
  });

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // No path takes a body: the connection ends with the answer, and nobody reads one.
    if (hasBody(request)) response.shouldKeepAlive = false;
    try {
      const { route, call } = await accept(request);
      await route.handle(call, response);
    } catch (error) {
      const answer = asHttpError(error);
      if (answer.code === 401) response.shouldKeepAlive = false;
      sendError(response, answer);
    }
  };
  server.on('request', serve);
  // Otherwise Node invites the body before anybody has looked at the request.
  server.on('checkContinue', serve);

  const upgraded = new Set<Duplex>();
  server.on('upgrade', async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    // Until a handler takes over, a connection that breaks must not end the process.
    socket.on('error', () => socket.destroy());
    request.socket.setKeepAlive(true, KEEP_ALIVE);
    request.socket.setNoDelay(true);
    try {
      const { route, call } = await accept(request);
      if (!route.upgrade) throw new HttpError(400, 'this path does not switch protocols');
      if (isWebSocket(request)) checkHandshake(request);
      await route.upgrade(call, socket, head);
    } catch (error) {
      const answer = asHttpError(error);
      // What the caller got wrong is the caller's to know.
      if (!(error instanceof HttpError))
        options.logger.warn('a stream failed', { path: request.url?.split('?')[0], error });
      refuseUpgrade(socket, answer);
    }
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => options.logger.error('the node server failed', { error }));
  const reload = watchTls(options, (tls) => server.setSecureContext(tls));
  const { port } = server.address() as AddressInfo;
  options.logger.info('the node server listens', { port });

  return {
    port,
    close: async () => {
      clearInterval(reload);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of upgraded) socket.destroy();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface TlsMaterial {
  cert: Buffer;
  key: Buffer;
  ca: Buffer;
}

function readTls(files: NodeServerOptions['tls']): TlsMaterial {
  return {
    cert: readFileSync(files.certificateFile),
    key: readFileSync(files.keyFile),
    ca: readFileSync(files.clientCaFile),
  };
}

/** Takes renewed certificates without a restart; a half-written pair is tried again at the next look. */
function watchTls({ tls, logger }: NodeServerOptions, apply: (material: TlsMaterial) => void): NodeJS.Timeout {
  const stamp = () => [tls.certificateFile, tls.keyFile, tls.clientCaFile].map((file) => statSync(file).mtimeMs).join();
  let seen = stamp();
  const timer = setInterval(() => {
    try {
      const current = stamp();
      if (current === seen) return;
      apply(readTls(tls));
      seen = current;
      logger.info('the node server took new certificates');
    } catch (error) {
      logger.warn('new certificates cannot be read', { error });
    }
  }, CERTIFICATE_CHECK);
  return timer.unref();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function sendError(response: ServerResponse, error: HttpError): void {
  if (response.headersSent) {
    // Too late for a status: the missing end of the body tells the client.
    response.destroy();
    return;
  }
  response.writeHead(error.code, { 'Content-Type': 'text/plain; charset=utf-8', ...error.headers });
  response.end(error.message);
}
