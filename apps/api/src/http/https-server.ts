import 'reflect-metadata';
import { IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { RequestDispatcher } from './dispatch/request-dispatcher.js';
import { API_SURFACE, type ApiSurface } from './documents/api.tokens.js';
import { DocumentPaths } from './documents/document-paths.js';
import { HTTPS_OPTIONS, type HttpsServerOptions } from './https-options.js';
import { CountedResponse } from './server/counted-response.js';

/** Go clients keep idle connections for 90 s: the server must not be the one to close them. */
const KEEP_ALIVE_MS = 120_000;
const HEADERS_TIMEOUT_MS = 32_000;
/**
 * A client that has connected and does not begin TLS, or does not go on with it: as long as the reference gives it. Less would drop
 * clients that wait for this server when many connect at once.
 */
const HANDSHAKE_TIMEOUT_MS = 32_000;
const TIMEOUT_CHECKS_MS = 5_000;
/** Connections get this long to take the end of their last answer. Requests have finished by then. */
const SHUTDOWN_GRACE_MS = 2_000;
const IDLE_SWEEP_MS = 50;

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

/** The framework's side of the server. Nothing here looks at a body, whatever it is called. */
export function frameworkAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter({ logger: false });
  const fastify = adapter.getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _body, done) => done(null));
  return adapter;
}

/**
 * Serves from the application's start to its end. The dispatcher has every request first; the framework routes those that name no
 * resource, and its own server never listens.
 */
@Injectable()
export class HttpsServer implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  readonly server: Server;
  readonly dispatcher: RequestDispatcher;
  private listeningPort = 0;
  /** Milliseconds, as `performance.now` has them. */
  private shutdownBegan = 0;

  constructor(
    @Inject(HTTPS_OPTIONS) private readonly options: HttpsServerOptions,
    @Inject(API_SURFACE) surface: ApiSurface,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {
    const dispatcher = new RequestDispatcher(options.dispatching, new DocumentPaths(surface), (request, response) =>
      this.framework.routing(request, response),
    );
    this.dispatcher = dispatcher;
    this.server = httpsServer(options, (request) => dispatcher.mayUpgrade(request));
    const { tracer } = options;
    const handle = (request: IncomingMessage, response: ServerResponse) => dispatcher.handle(request, response);
    const handler: typeof handle = tracer
      ? (request, response) => tracer.continued(request.headers, () => handle(request, response))
      : handle;
    this.server.on('request', handler);
    this.server.on('checkContinue', handler);
    this.server.on('upgrade', (request, socket, head) => dispatcher.handleUpgrade(request, socket as Socket, head));
  }

  /** Set when the application is made, which is after its providers in a testing module. */
  private get framework(): FastifyInstance {
    return this.host.httpAdapter.getInstance();
  }

  get port(): number {
    return this.listeningPort;
  }

  /** Rejects with the operating system's error when the address is taken. */
  async onApplicationBootstrap(): Promise<void> {
    await this.framework.ready();
    const { server } = this;
    const { address: host, port } = this.options;
    this.listeningPort = await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve((server.address() as { port: number }).port);
      });
    });
  }

  onModuleDestroy(): void {
    this.shutdownBegan = performance.now();
  }

  /** The delay; then streams end and new requests are refused; running requests finish; at last the connections close. */
  async beforeApplicationShutdown(): Promise<void> {
    const { server, dispatcher } = this;
    const { delayMs, sendRetryAfter } = this.options.shutdown;
    const left = this.shutdownBegan + delayMs - performance.now();
    if (left > 0) await sleep(left);
    const drained = dispatcher.drain(sendRetryAfter ? 'retry elsewhere' : 'unavailable');
    if (sendRetryAfter) await drained;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
    await drained;
    const timer = setTimeout(() => server.closeAllConnections(), SHUTDOWN_GRACE_MS);
    await closed;
    clearTimeout(timer);
    clearInterval(sweep);
    dispatcher.stop();
  }
}

function httpsServer(
  { tls, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS }: HttpsServerOptions,
  mayUpgrade: (request: IncomingMessage) => boolean,
): Server {
  const server = createServer({
    IncomingMessage: requestClass(mayUpgrade),
    ServerResponse: CountedResponse,
    handshakeTimeout: handshakeTimeoutMs,
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
  return server;
}
