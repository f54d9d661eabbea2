import { connect, type TLSSocket } from 'node:tls';
import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { forbidden, internalError, type Status, type UserInfo, unauthorized } from '#apimachinery';
import { silentLogger } from '#client';
import { allResources, ResourceCatalog } from '#kinds';
import { MetricsRegistry, type Sample } from '#telemetry';
import type { Auditor } from '../../audit/auditor.js';
import { createAuthority, issueCertificate } from '../../pki/certificate-issuer.js';
import type { ApiHandler } from '../../registry/api-handler.js';
import type { ApiRequest, AuthorizedRequest } from '../../registry/api-request.js';
import type { ApiResult, WatchItem } from '../../registry/api-result.js';
import { ResourceTable } from '../../registry/resource-table.js';
import { API_SURFACE } from '../documents/api.tokens.js';
import type { HealthCheck } from '../documents/health-checks.js';
import { HttpFrontModule } from '../http-front.module.js';
import { HTTPS_OPTIONS, type HttpsServerOptions, type ShutdownOptions } from '../https-options.js';
import { frameworkAdapter, HttpsServer } from '../https-server.js';
import { RequestMetrics } from '../metrics/request-metrics.js';
import { WatchMetrics } from '../metrics/watch-metrics.js';
import { ObjectPathHandler } from '../objects/object-path.handler.js';
import type { Connection } from '../server/connection.js';
import type { RequestFlow } from '../server/request-flow.js';
import type { SlotLimits } from '../server/request-slots.js';

const NOBODY: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
const SUCCESS: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 200 };
const SOMEWHERE = { group: '', resource: 'pods' };

export interface FrontOptions {
  slots?: SlotLimits;
  requestTimeoutMs?: number;
  handshakeTimeoutMs?: number;
  /** What watches tell, in turn; then they stay open. */
  events?: WatchItem[][];
  /** The only path for which one may be anonymous; absent: for all. */
  anonymousPath?: string;
  unreadWatchMs?: number;
  shutdown?: ShutdownOptions;
  checks?: HealthCheck[];
  /** Makes priority and fairness, on the metrics of the front; absent: it is off. */
  flow?: (metrics: MetricsRegistry) => RequestFlow;
  /** Makes the auditor, on the metrics of the front. */
  auditor?: (metrics: MetricsRegistry) => Auditor;
}

/** The HTTP side alone, over real TLS: its object path knows no objects, and waits as the name in a path says. */
export interface TestFront extends Pick<HttpsServer, 'server' | 'dispatcher' | 'port'> {
  readonly ca: string;
  /** Requests that got as far as being served, with the bytes of their bodies. */
  readonly served: { request: AuthorizedRequest; bytes: number }[];
  readonly sockets: TLSSocket[];
  /** Paths of the requests whose sender had to be found out. */
  readonly identified: (string | undefined)[];
  /** Fields of the entries that were logged of defects. */
  readonly errors: Record<string, unknown>[];
  /** Sums of the series of each gauge, and what else is kept of requests that are not over. */
  underWay(): Record<string, number>;
  metricsText(): Promise<string>;
  samples(): Sample[];
  close(): Promise<void>;
  /** A connection, without a request. */
  connect(options?: { allowHalfOpen?: boolean }): Promise<TLSSocket>;
}

/**
 * `Authorization: Bearer <user> <group> ...` is believed; without, one is anonymous and allowed nothing but /healthz and /metrics. Objects
 * named `wait-<ms>` take their time, `held` waits for the request's end, `broken` fails by a
 * defect, `failing` as the reference fails.
 */
export async function testFront(options: FrontOptions = {}): Promise<TestFront> {
  const now = new Date();
  const authority = await createAuthority('test', now);
  const profile = { commonName: 'localhost', usages: ['server'] as const, ipAddresses: ['127.0.0.1'] };
  const pair = await issueCertificate(authority, profile, now);
  const catalog = new ResourceCatalog(allResources());
  const resources = new ResourceTable(catalog, [], {} as never);
  const served: TestFront['served'] = [];
  const api = fakeApi(served, options.events ?? []);
  const registry = new MetricsRegistry();
  const sockets: TLSSocket[] = [];
  const errors: TestFront['errors'] = [];
  const identified: TestFront['identified'] = [];
  const log = { error: (_message: string, fields: Record<string, unknown>) => void errors.push(fields) };
  const surface = {
    catalog,
    serverAddress: '',
    checks: options.checks ?? [],
    metrics: registry,
    pods: () => [],
    documents: new Map(),
    log: silentLogger,
  };
  const https: HttpsServerOptions = {
    tls: { key: pair.key, cert: pair.certificate, clientCa: authority.certificate },
    address: '127.0.0.1',
    port: 0,
    handshakeTimeoutMs: options.handshakeTimeoutMs,
    shutdown: options.shutdown ?? { delayMs: 0, sendRetryAfter: false },
    dispatching: {
      authenticator: {
        anonymousByPath: options.anonymousPath !== undefined,
        authenticate: async ({ authorization, path }, record) => {
          identified.push(path);
          if (!authorization && path !== (options.anonymousPath ?? path)) throw unauthorized();
          const [, name, ...groups] = authorization?.split(' ') ?? [];
          const user = name ? { name, groups } : NOBODY;
          await record?.identified(user);
          return user;
        },
      },
      authorizer: {
        authorize: ({ user, path }) => ({
          decision: user !== NOBODY || path === '/metrics' ? 'Allow' : 'NoOpinion',
          reason: '',
        }),
      },
      api,
      resources,
      objects: new ObjectPathHandler(api, new WatchMetrics(registry), options.unreadWatchMs, log),
      log,
      auditor: options.auditor?.(registry),
      flow: options.flow?.(registry),
      connects: {
        serve: (_request, response) => new Promise((resolve) => response.once('close', resolve)),
        upgrade: async (_request, socket) => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
          socket.resume();
        },
      },
      metrics: new RequestMetrics(registry),
      slots: options.slots ?? { reads: 100, writes: 100, streamsOfOneUser: 100 },
      requestTimeoutMs: options.requestTimeoutMs,
    },
  };
  const parts = [
    { provide: API_SURFACE, useValue: surface },
    { provide: HTTPS_OPTIONS, useValue: https },
  ];
  class FakeParts {}
  Module({ providers: parts, exports: parts })(FakeParts);
  const module = await Test.createTestingModule({ imports: [HttpFrontModule.over(FakeParts)] }).compile();
  const application = module.createNestApplication(frameworkAdapter(), { logger: false, bodyParser: false });
  const front = application.get(HttpsServer);
  const { server, dispatcher } = front;
  server.on('secureConnection', (socket) => sockets.push(socket));
  await application.init();
  const { port } = front;
  return {
    server,
    dispatcher,
    port,
    ca: authority.certificate,
    served,
    sockets,
    errors,
    identified,
    close: () => application.close(),
    metricsText: () => registry.render(),
    samples: () => registry.samples(),
    underWay: () => underWay(front, registry),
    connect: (options) =>
      new Promise((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', ca: authority.certificate, ...options });
        socket.once('secureConnect', () => resolve(socket));
        socket.once('error', reject);
      }),
  };
}

function underWay({ dispatcher }: HttpsServer, registry: MetricsRegistry): Record<string, number> {
  const { connections, open, slots } = dispatcher as unknown as {
    connections: Map<unknown, Connection>;
    open: Set<unknown>;
    slots: { usersUnderWay: number };
  };
  const found: Record<string, number> = {
    requests: [...connections.values()].filter(({ serving }) => serving).length,
    streams: open.size,
    users: slots.usersUnderWay,
  };
  for (const { metricName, value } of registry.samples()) {
    if (/^apiserver_(current|long)/.test(metricName)) found[metricName] = (found[metricName] ?? 0) + value;
  }
  return found;
}

function fakeApi(served: TestFront['served'], events: WatchItem[][]): ApiHandler {
  return {
    authorize: async (request: ApiRequest) => {
      if (request.user === NOBODY) throw forbidden(SOMEWHERE, '', 'no');
      return request as AuthorizedRequest;
    },
    handle: async (request): Promise<ApiResult> => {
      served.push({ request, bytes: Buffer.isBuffer(request.body) ? request.body.length : 0 });
      if (request.verb === 'watch')
        return { kind: 'watch', resource: allResources()[0]!, session: session(request, events) };
      const ms = Number(/^wait-(\d+)$/.exec(request.name)?.[1] ?? 0);
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      if (request.name === 'broken') throw new Error('a defect');
      if (request.name === 'failing') throw internalError(new Error('no answer from the webhook'));
      if (request.name === 'held') await ended(request.lifetime.signal);
      return { kind: 'object', code: 200, resource: undefined, object: SUCCESS };
    },
  };
}

function session(request: ApiRequest, events: WatchItem[][]) {
  const left = [...events];
  return {
    next: async () => left.shift() ?? (await ended(request.lifetime.signal)),
    stop: () => {},
  };
}

function ended(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
