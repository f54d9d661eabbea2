import type { UserInfo } from '#apimachinery';
import type { Client, Logger } from '#client';
import type { ResourceCatalog } from '#kinds';
import type { MetricsRegistry, Tracer } from '#telemetry';
import type { RequestAuthenticator } from './authentication/authenticator.js';
import type { Authorizer } from './authorization/authorizer.js';
import type { ApiSurface } from './http/documents/api.tokens.js';
import { type HealthCheck, PING } from './http/documents/health-checks.js';
import { createHttpsServer, type HttpsServer, type TlsOptions } from './http/https-server.js';
import { RequestMetrics, registerStorageMetrics } from './http/metrics/request-metrics.js';
import { ObjectPathHandler } from './http/objects/object-path.handler.js';
import { NodeConnectHandler, type NodeCredentials } from './http/proxy/connect.handler.js';
import type { ProxyNetwork } from './http/proxy/proxy-network.js';
import type { SlotLimits } from './http/server/request-slots.js';
import { bindingResources } from './kinds/pods/pod-binding.js';
import { evictionResource } from './kinds/pods/pod-eviction.js';
import type { ApiHandler } from './registry/api-handler.js';
import type { ComputedResource } from './registry/computed-resource.js';
import { InProcessClient } from './registry/in-process-client.js';
import type { AdmissionRunner, RegistryContext } from './registry/registry-context.js';
import { RegistryHandler } from './registry/registry-handler.js';
import { ResourceTable } from './registry/resource-table.js';
import type { VirtualResource } from './registry/virtual-resource.js';
import { type WriteParticipant, WriteParticipants } from './registry/write/write-participant.js';
import { storeLister } from './storage/lister.js';
import type { Store } from './storage/store.js';
import { tracedHandler } from './traced-handler.js';

export interface RegistryOptions {
  catalog: ResourceCatalog;
  store: Store;
  authorizer: Authorizer;
  admission: AdmissionRunner;
  virtualResources: readonly VirtualResource[];
  computedResources?: readonly ComputedResource[];
  participants?: readonly WriteParticipant[];
  now?: () => Date;
  /** Makes a span of each request; absent: none. */
  tracer?: Tracer;
}

/** The object path with everything it stands on: what HTTP and in-process callers share. */
export interface Registry {
  readonly handler: ApiHandler;
  readonly context: RegistryContext;
  /** A client of this process under an identity of its own; RBAC and admission apply. */
  client(user: UserInfo, userAgent?: string): Client;
}

export function createRegistry(options: RegistryOptions): Registry {
  let context!: RegistryContext;
  const own = [...bindingResources(() => context), evictionResource(() => context)];
  const resources = new ResourceTable(
    options.catalog,
    [...own, ...options.virtualResources],
    options.store,
    options.computedResources,
  );
  context = {
    store: options.store,
    resources,
    authorizer: options.authorizer,
    admission: options.admission,
    participants: new WriteParticipants(options.participants ?? []),
    now: options.now ?? (() => new Date()),
  };
  const plain = new RegistryHandler(context);
  const handler = options.tracer ? tracedHandler(plain, options.tracer) : plain;
  return {
    handler,
    context,
    client: (user, userAgent = user.name) => new InProcessClient(handler, resources, user, userAgent),
  };
}

export interface ApiServerOptions {
  registry: Registry;
  authenticator: RequestAuthenticator;
  tls: TlsOptions;
  /** `host:port` as clients reach the server. */
  serverAddress: string;
  metrics: MetricsRegistry;
  checks?: readonly HealthCheck[];
  advisories?: ApiSurface['advisories'];
  documents?: ApiSurface['documents'];
  /** Of each group of users. */
  slots?: SlotLimits;
  requestTimeoutMs?: number;
  /** For logs, exec, port-forward and proxies. */
  nodeCredentials: NodeCredentials;
  /** How these leave the process; by default as the machine connects and looks up names. */
  proxyNetwork?: ProxyNetwork;
  logger: Logger;
}

/** Requests beyond these wait in nobody's queue: the client is told to come again. */
const INFLIGHT: SlotLimits = {
  reads: 2000,
  writes: 1000,
  // The agents of all nodes may share one ServiceAccount.
  streamsOfOneUser: 10_000,
};

/** The HTTPS side of a registry. */
export async function createApiServer(options: ApiServerOptions): Promise<HttpsServer> {
  const { metrics } = options;
  const { handler, context } = options.registry;
  const { catalog } = context.resources;
  registerStorageMetrics(metrics, context.store, catalog);
  return createHttpsServer(
    options.tls,
    {
      catalog,
      serverAddress: options.serverAddress,
      checks: [PING, storeCheck(context.store), ...(options.checks ?? [])],
      advisories: options.advisories,
      metrics,
      documents: options.documents ?? new Map(),
      log: (text) => options.logger.warn(text),
    },
    {
      authenticator: options.authenticator,
      authorizer: context.authorizer,
      api: handler,
      resources: context.resources,
      objects: new ObjectPathHandler(handler, undefined, options.logger),
      log: options.logger,
      metrics: new RequestMetrics(metrics),
      connects: new NodeConnectHandler(
        context,
        storeLister(context.store),
        options.nodeCredentials,
        options.proxyNetwork,
      ),
      slots: options.slots ?? INFLIGHT,
      requestTimeoutMs: options.requestTimeoutMs,
    },
  );
}

/** Anybody may probe the server's health: PostgreSQL is asked by one probe at a time, and the others share its answer. */
function storeCheck(store: Store): HealthCheck {
  let asked: Promise<void> | undefined;
  const check = () => {
    asked ??= store.ping().finally(() => {
      asked = undefined;
    });
    return asked;
  };
  return { name: 'postgres', endpoints: ['healthz', 'readyz'], check };
}
