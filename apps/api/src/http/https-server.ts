import 'reflect-metadata';
import { IncomingMessage, type RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type DispatcherOptions, RequestDispatcher } from './dispatch/request-dispatcher.js';
import { ApiModule } from './documents/api.module.js';
import type { ApiSurface } from './documents/api.tokens.js';
import { DocumentPaths } from './documents/document-paths.js';
import { PlainErrorFilter } from './documents/plain-error.filter.js';

export interface TlsOptions {
  key: string;
  cert: string;
  /** Client certificates are asked for with these names, and verified by the authenticators. */
  clientCa: string;
}

/** Go clients keep idle connections for 90 s: the server must not be the one to close them. */
const KEEP_ALIVE_MS = 120_000;
const HEADERS_TIMEOUT_MS = 32_000;
/** A client that has connected and does not begin TLS, or does not go on with it. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
const TIMEOUT_CHECKS_MS = 5_000;
/** Open requests get this long at shutdown; watches are ended at once, since they would never end. */
const SHUTDOWN_GRACE_MS = 2_000;

export interface HttpsServer {
  /** Throws with the operating system's error when the address is taken. Gives the port. */
  listen(address: string, port: number): Promise<number>;
  close(): Promise<void>;
  readonly server: Server;
  readonly dispatcher: RequestDispatcher;
}

/**
 * Node takes every request with an Upgrade header out of HTTP, body and all, when anybody listens for upgrades. Only those that ask
 * for something that upgrades go that way; the others are requests like any other.
 */
function requestClass(mayUpgrade: (request: IncomingMessage) => boolean): typeof IncomingMessage {
  return class extends IncomingMessage {
    private asksToUpgrade = false;

    get upgrade(): boolean {
      return this.asksToUpgrade && (this.method === 'CONNECT' || mayUpgrade(this));
    }

    set upgrade(asked: boolean) {
      this.asksToUpgrade = asked;
    }
  };
}

export async function createHttpsServer(
  tls: TlsOptions,
  surface: ApiSurface,
  dispatching: DispatcherOptions,
): Promise<HttpsServer> {
  let dispatcher!: RequestDispatcher;
  const server = createServer({
    IncomingMessage: requestClass((request) => dispatcher.mayUpgrade(request)),
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECKS_MS,
    key: tls.key,
    cert: tls.cert,
    ca: tls.clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
    keepAlive: true,
    noDelay: true,
    highWaterMark: 256 * 1024,
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  // Bodies of proxied requests may take as long as they want; the dispatcher bounds the others.
  server.requestTimeout = 0;
  server.maxRequestsPerSocket = 0;

  const adapter = new FastifyAdapter({
    logger: false,
    serverFactory: (handler: RequestListener) => {
      dispatcher = new RequestDispatcher(dispatching, new DocumentPaths(surface), handler);
      server.on('request', (request, response) => dispatcher.handle(request, response));
      server.on('checkContinue', (request, response) => dispatcher.handle(request, response));
      server.on('upgrade', (request, socket, head) => dispatcher.handleUpgrade(request, socket as Socket, head));
      return server as never;
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.forSurface(surface), adapter, {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  // Nobody here looks at a body, whatever it is called.
  adapter.getInstance().removeAllContentTypeParsers();
  adapter.getInstance().addContentTypeParser('*', (_request, _body, done) => done(null));
  app.useGlobalFilters(new PlainErrorFilter());
  await app.init();
  await adapter.getInstance().ready();

  return {
    server,
    dispatcher,
    listen: (address, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: address, port }, () => {
          server.off('error', reject);
          resolve((server.address() as { port: number }).port);
        });
      }),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      dispatcher.endOpenStreams();
      server.closeIdleConnections();
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      const timer = setTimeout(() => server.closeAllConnections(), SHUTDOWN_GRACE_MS);
      await closed;
      clearTimeout(timer);
      clearInterval(sweep);
      await app.close();
    },
  };
}
