import { type AddressInfo, createServer } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { UserInfo } from '#apimachinery';
import { type Client, type Clock, type Logger, realClock, SharedInformers } from '#client';
import type { ControllerState, NodeFolders } from '#controllers';
import { allResources, ResourceCatalog } from '#kinds';
import { MetricsRegistry, noTracer, registerProcessMetrics, type Tracer } from '#telemetry';
import { createAdmission } from './admission/admission-chain.js';
import { EscalationCheck } from './admission/plugins/escalation-check.js';
import { JWKS_PATH, OPENID_CONFIGURATION_PATH, openIdDocuments } from './authentication/openid-discovery.js';
import { createAuthenticator } from './authentication/request-authenticator.js';
import { ServiceAccountTokenIssuer, verificationKey } from './authentication/service-account-tokens.js';
import { createAuthorizer } from './authorization/authorizer-chain.js';
import { keepBootstrap, runBootstrap } from './bootstrap/bootstrap.js';
import { nodeRules } from './bootstrap/rbac.bootstrap.js';
import type { ServerConfig } from './config-flags.js';
import type { HealthCheck } from './http/documents/health-checks.js';
import type { HttpsServer } from './http/https-server.js';
import { AgentFolders } from './http/proxy/node-folders.js';
import { HOST_NETWORK, type ProxyNetwork } from './http/proxy/proxy-network.js';
import { ALL_AUTHENTICATED, MASTERS_GROUP, serviceAccountGroups, splitServiceAccountUser } from './identity/users.js';
import { accessReviewResources } from './kinds/reviews/access-reviews.js';
import { selfSubjectReviewResource, tokenReviewResource } from './kinds/reviews/identity-reviews.js';
import { tokenRequestResource } from './kinds/service-accounts/token-request.js';
import { PortRange, parseServiceRanges } from './kinds/services/ip-range.js';
import { ServiceAllocator } from './kinds/services/service-allocator.js';
import { type Pki, preparePki } from './pki/pki.js';
import { createApiServer, createRegistry, type Registry } from './server.js';
import { openStore, type Store, type StoreOptions } from './storage/index.js';
import { storeLister } from './storage/lister.js';
import { commitMetrics } from './store-metrics.js';
import { type WarmUp, warmUp } from './warm-up.js';

export interface ControlPlaneOptions extends Omit<ServerConfig, 'logging' | 'tracing'> {
  logger: Logger;
  /** Absent: no spans are made. */
  tracer?: Tracer;
  clock?: Clock;
  /** Where the store is to differ from its defaults. */
  store?: Pick<StoreOptions, 'ringBytes' | 'retention' | 'compactionMs'>;
  /** How proxied requests leave the process; by default as the machine connects and looks up names. */
  proxyNetwork?: ProxyNetwork;
  /** Who makes and deletes folders of volumes; by default the agents of the nodes. */
  nodeFolders?: NodeFolders;
  /** Is ready only when its code is compiled; for servers that live long. */
  warmUp?: boolean;
}

export interface ControlPlane {
  readonly port: number;
  readonly url: string;
  readonly pki: Pki;
  readonly store: Store;
  /** The resources that are served; more may come and go while it runs. */
  readonly catalog: ResourceCatalog;
  /** A client of this process; the name is a user or `system:serviceaccount:<namespace>:<name>`. */
  client(identity: string, groups?: readonly string[]): Client;
  /** Resolves when the cluster's own objects are there. */
  readonly bootstrapped: Promise<void>;
  /** Resolves with the reason, or rejects, when the process has to end. */
  readonly ended: Promise<string>;
  close(): Promise<void>;
}

/** Events go this long after they were written last: the default of kube-apiserver's --event-ttl. */
const EVENT_LIFETIME_MS = 3_600_000;

/** Milliseconds that the end of the process waits for its address to leave the Service `kubernetes`. */
const LEAVE_MS = 2_000;

/** The server's own identity, for what it does on nobody's behalf. */
const API_SERVER = 'system:apiserver';

/** Starts everything that runs in the server process, in the order in which it is needed. */
export async function startControlPlane(given: ControlPlaneOptions): Promise<ControlPlane> {
  const options = given.securePort === 0 ? { ...given, securePort: await freePort(given.bindAddress) } : given;
  const { logger, clock = realClock } = options;
  const stop = new AbortController();
  const catalog = new ResourceCatalog(allResources());
  const metrics = new MetricsRegistry(logger);
  registerProcessMetrics(metrics);
  const [pki, store] = await Promise.all([
    preparePki({ ...options, serverUrl: `https://${clientAddress(options)}:${options.securePort}` }),
    openStore({
      ...options.store,
      databaseUrl: options.databaseUrl,
      replicas: options.sharedDatabase ? 'many' : 'auto',
      fieldValue: (resource, object, label) => catalog.findStored(resource)?.fieldValue(object, label) ?? '',
      lifetimes: { events: EVENT_LIFETIME_MS },
      log: (message) => logger.info(message),
      committed: commitMetrics(metrics),
    }),
  ]);
  try {
    return await assemble(options, catalog, pki, store, stop, clock, metrics);
  } catch (error) {
    stop.abort();
    await store.close();
    throw error;
  }
}

async function assemble(
  options: ControlPlaneOptions,
  catalog: ResourceCatalog,
  pki: Pki,
  store: Store,
  stop: AbortController,
  clock: Clock,
  metrics: MetricsRegistry,
): Promise<ControlPlane> {
  const { logger } = options;
  const now = () => new Date(clock.now());
  const lister = storeLister(store);
  const readBarrier = () => store.readBarrier();
  const authorizer = createAuthorizer({ store, nodeRules: nodeRules(), signal: stop.signal });
  const issuerUrl = `https://kubernetes.default.svc.${options.clusterDomain}`;
  const authenticator = createAuthenticator({
    clientCa: pki.ca.certificate,
    frontProxyCa: pki.frontProxyCa.certificate,
    serviceAccountPublicKeys: [pki.serviceAccount.publicKey],
    issuers: [issuerUrl],
    lister,
    readBarrier,
    authorizer,
  });
  const issuer = new ServiceAccountTokenIssuer(pki.serviceAccount.privateKey, issuerUrl);
  const { audiences, tokens } = authenticator;
  const registry = createRegistry({
    catalog,
    tracer: options.tracer,
    store,
    authorizer,
    admission: createAdmission({
      lister,
      authorizer,
      escalationCheck: new EscalationCheck(authorizer),
      refuseUnenforced: options.refuseUnenforced,
    }),
    virtualResources: [
      ...accessReviewResources(authorizer),
      tokenReviewResource(tokens, audiences),
      selfSubjectReviewResource(),
      tokenRequestResource({ issuer, audiences, lister, readBarrier }),
    ],
    participants: [
      new ServiceAllocator(
        store,
        parseServiceRanges(options.serviceClusterIpRange),
        new PortRange(options.serviceNodePortRange),
        now,
      ),
    ],
    now,
  });
  const clientFor = (identity: string, groups?: readonly string[]) =>
    registry.client(identityOf(identity, groups), userAgentOf(identity));
  const bootstrapped = { done: false };
  const telemetry: LoopTelemetry = { metrics, advisories: () => [] };
  let server: ListeningServer | undefined;
  let port = options.securePort;
  if (options.components.has('api')) {
    server = await listen(options, registry, pki, authenticator, issuerUrl, bootstrapped, telemetry);
    port = server.port;
  }
  const url = `https://${clientAddress(options)}:${port}`;
  const bootstrap = {
    client: clientFor(API_SERVER, [MASTERS_GROUP]),
    serves: options.components.has('api'),
    advertiseAddress: options.advertiseAddress,
    securePort: port,
    serviceClusterIpRange: options.serviceClusterIpRange,
    clusterDnsPort: options.clusterDnsPort,
    clientCa: pki.ca.certificate,
    frontProxyCa: pki.frontProxyCa.certificate,
    localStorage: !options.disabled.has('local-storage'),
    log: logger,
    now,
  };
  let kept: Promise<void> | undefined;
  const ready = runBootstrap(bootstrap).then(async () => {
    if (options.components.has('api')) {
      if (options.warmUp) {
        const { certificate: cert, key } = pki.admin;
        logWarmUp(logger, await warmUp({ url, ca: pki.ca.certificate, cert, key }));
      }
      kept = keepBootstrap(bootstrap, stop.signal);
    }
    bootstrapped.done = true;
  });
  const nodeFolders =
    options.nodeFolders ?? new AgentFolders(lister, nodeCredentials(pki), options.proxyNetwork ?? HOST_NETWORK);
  const loops = ready.then(() =>
    startLoops({ ...options, nodeFolders }, clientFor, pki, stop.signal, clock, port, telemetry),
  );
  const ended = Promise.race([
    loops.then((running) => running.failed),
    ready.then(
      () => new Promise<string>(() => {}),
      (error) => `bootstrap failed: ${(error as Error).message}`,
    ),
  ]);
  ended.catch(() => {});
  return {
    port,
    url,
    pki,
    store,
    catalog,
    client: clientFor,
    bootstrapped: ready,
    ended,
    close: async () => {
      stop.abort();
      // Before the port is closed: clients are told of the other servers first. A database that is away is not waited for.
      await Promise.race([kept, delay(LEAVE_MS, undefined, { ref: false })]);
      await server?.close();
      await loops.then((running) => running.stopped).catch(() => {});
      await store.close();
    },
  };
}

function logWarmUp(logger: Logger, { rounds, refused }: WarmUp): void {
  logger.info('warmed up', { rounds });
  for (const reason of refused) logger.warn('a request of the warm-up was refused', { reason });
}

/** What the loops of this process count and show. */
interface LoopTelemetry {
  metrics: MetricsRegistry;
  /** One check a controller that runs here. */
  advisories: () => readonly HealthCheck[];
}

type ListeningServer = HttpsServer & { port: number };

async function listen(
  options: ControlPlaneOptions,
  registry: Registry,
  pki: Pki,
  authenticator: ReturnType<typeof createAuthenticator>,
  issuerUrl: string,
  bootstrapped: { done: boolean },
  telemetry: LoopTelemetry,
): Promise<ListeningServer> {
  const serverAddress = `${options.advertiseAddress}:${options.securePort}`;
  const openId = openIdDocuments(issuerUrl, serverAddress, [verificationKey(pki.serviceAccount.publicKey)]);
  const checks: HealthCheck[] = [
    {
      name: 'poststarthook/bootstrap',
      endpoints: ['healthz', 'readyz'],
      check: () => {
        if (!bootstrapped.done) throw new Error('not finished');
      },
    },
  ];
  const server = await createApiServer({
    registry,
    authenticator,
    tls: {
      key: pki.server.key,
      cert: pki.server.certificate,
      // Clients send only certificates of authorities that the server names.
      clientCa: pki.ca.certificate + pki.frontProxyCa.certificate,
    },
    serverAddress,
    nodeCredentials: nodeCredentials(pki),
    proxyNetwork: options.proxyNetwork,
    metrics: telemetry.metrics,
    checks,
    advisories: () => telemetry.advisories(),
    documents: new Map(
      (
        [
          [OPENID_CONFIGURATION_PATH, openId.configuration],
          [JWKS_PATH, openId.jwks],
        ] as const
      ).map(([path, { contentType, body }]) => [path, () => ({ mediaType: contentType, body })]),
    ),
    logger: options.logger,
  });
  const port = await server.listen(options.bindAddress, options.securePort);
  return Object.assign(server, { port });
}

/** What this server shows to the agents of nodes. */
function nodeCredentials({ ca, kubeletClient }: Pki) {
  return { ca: ca.certificate, cert: kubeletClient.certificate, key: kubeletClient.key };
}

interface RunningLoops {
  /** Rejects when a loop cannot go on. */
  failed: Promise<never>;
  stopped: Promise<unknown>;
}

/** Controllers and scheduler are loaded only where they run. */
async function startLoops(
  options: ControlPlaneOptions,
  clientFor: (identity: string) => Client,
  pki: Pki,
  signal: AbortSignal,
  clock: Clock,
  port: number,
  telemetry: LoopTelemetry,
): Promise<RunningLoops> {
  const { logger, components, tracer = noTracer } = options;
  const { metrics } = telemetry;
  // We listen on this address by now: whoever had the name before is gone, and need not be waited for.
  const leaderIdentity = components.has('api') ? `${hostname()}_${options.advertiseAddress}:${port}` : undefined;
  const running: Promise<void>[] = [];
  if (components.has('controllers')) {
    const { startControllers, CONTROLLER_MANAGER, ControllerHealth } = await import('#controllers');
    const health = new ControllerHealth(metrics);
    telemetry.advisories = () => health.states().map(controllerCheck);
    running.push(
      leadAgainAndAgain('controllers', logger, signal, (term) =>
        startControllers({
          clientFor,
          informers: new SharedInformers(clientFor(CONTROLLER_MANAGER), {
            logger,
            shown: { metrics, name: 'kube-controller-manager' },
          }),
          clock,
          random: Math.random,
          logger,
          metrics,
          tracer,
          health,
          signal: term,
          leaderIdentity,
          options: {
            clusterCidr: options.clusterCidr,
            serviceCidr: options.serviceClusterIpRange,
            rootCA: pki.ca.certificate,
            clusterDomain: options.clusterDomain,
            nodeFolders: options.nodeFolders,
          },
        }),
      ),
    );
  }
  if (components.has('scheduler')) {
    const { startScheduler, SCHEDULER } = await import('#scheduler');
    const client = clientFor(SCHEDULER);
    running.push(
      leadAgainAndAgain('the scheduler', logger, signal, (term) =>
        startScheduler({
          client,
          informers: new SharedInformers(client, { logger, shown: { metrics, name: 'kube-scheduler' } }),
          clock,
          random: Math.random,
          logger,
          metrics,
          tracer,
          signal: term,
          leaderIdentity,
        }),
      ),
    );
  }
  const stopped = Promise.all(running);
  const failed = new Promise<never>((_, reject) => {
    stopped.catch(reject);
  });
  return { failed, stopped };
}

function controllerCheck({ name, running, error }: ControllerState): HealthCheck {
  return {
    name: `controller/${name}`,
    endpoints: ['readyz'],
    check: () => {
      if (!running) throw new Error(error);
    },
  };
}

/**
 * Whoever loses its leadership starts anew, with fresh state, and waits for its turn. The process lives on: the API that runs
 * in it serves reads while the database, without which no leader can renew, is away.
 */
async function leadAgainAndAgain(
  what: string,
  logger: Logger,
  signal: AbortSignal,
  start: (term: AbortSignal) => Promise<boolean>,
): Promise<void> {
  while (!signal.aborted) {
    const term = new AbortController();
    try {
      if (!(await start(AbortSignal.any([signal, term.signal])))) return;
      logger.warn('leadership was lost; starting anew', { what });
    } finally {
      term.abort();
    }
  }
}

function identityOf(identity: string, groups: readonly string[] = []): UserInfo {
  const account = splitServiceAccountUser(identity);
  const own = account ? serviceAccountGroups(account.namespace) : [];
  return { name: identity, groups: [...own, ...groups, ALL_AUTHENTICATED] };
}

/** Shows as the manager in managedFields. */
function userAgentOf(identity: string): string {
  return identity.slice(identity.lastIndexOf(':') + 1);
}

/** Kubeconfigs and certificates name the port, so it has to be known before the server listens. */
function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, address, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Where clients on this machine reach the server. */
function clientAddress({ bindAddress, advertiseAddress }: ControlPlaneOptions): string {
  if (bindAddress === '0.0.0.0' || bindAddress === '127.0.0.1' || bindAddress === '::') return '127.0.0.1';
  return bindAddress || advertiseAddress;
}
