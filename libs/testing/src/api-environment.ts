import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '#apimachinery';
import { type Client, type Clock, type Logger, silentLogger } from '#client';
import type { NodeFolders } from '#controllers';
import type { ResourceCatalog } from '#kinds';
import { type AdmissionPluginName, enabledAdmissionPlugins } from '#settings';
import { testDatabase } from './postgres-environment.js';

export interface TestServerOptions {
  /** What runs beside the API; nothing by default. */
  components?: readonly ('controllers' | 'scheduler')[];
  /** Of an earlier server, to find its objects again; by default a fresh database that goes with the server. */
  databaseUrl?: string;
  /** Of an earlier server, to find its keys again. */
  dataDir?: string;
  clock?: Clock;
  logger?: Logger;
  /** How it ends; by default at once. */
  shutdown?: { delayMs: number; sendRetryAfter: boolean };
  /** Admission plugins beside, or in place of, those that are on by default. */
  admission?: {
    enable?: readonly AdmissionPluginName[];
    disable?: readonly AdmissionPluginName[];
    configFile?: string;
  };
  /** In place of the agents of nodes. */
  nodeFolders?: NodeFolders;
  /** Default 192.0.2.1: endpoints may not be loopback addresses, and nobody connects to this one. */
  advertiseAddress?: string;
  /** Default 10.96.0.0/16. */
  serviceClusterIpRange?: string;
  /** Where proxied requests end; by default where they are sent. */
  proxyNetwork?: ProxyNetwork;
  /** Where the usage of nodes comes from; by default from the server of each node. */
  readNodeUsage?: (node: KubeObject) => Promise<string>;
  /** Default true. */
  priorityAndFairness?: boolean;
  /** Default 400 and 200. */
  maxInflight?: { reads: number; writes: number };
  /** Absent: nothing is audited. */
  audit?: AuditOptions;
  /** By default tokens of the cluster alone are good. */
  authentication?: AuthenticationFlags;
  /** Path of an AuthorizationConfiguration; absent: Node and RBAC. */
  authorizationConfigFile?: string;
  /** Who answers for webhooks. */
  webhooks?: WebhookCaller;
  /** Of the watch log and of the events in memory, for tests of what happens at their ends. */
  store?: { ringBytes?: number; retention?: { watchLogMs: number }; compactionMs?: number };
}

type ControlPlane = import('../../../apps/api/src/control-plane.js').ControlPlane;
type AuthenticationFlags = import('../../../apps/api/src/access-flags.js').AuthenticationFlags;
type AuditOptions = import('../../../apps/api/src/audit/open-auditor.js').AuditOptions;
type WebhookCaller = import('../../../apps/api/src/custom-resources/conversions.js').WebhookCaller;
type ProxyNetwork = import('../../../apps/api/src/http/proxy/proxy-network.js').ProxyNetwork;

export interface TestServer {
  /** `https://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly databaseUrl: string;
  /** Path of a kubeconfig of a member of system:masters. */
  readonly adminKubeconfig: string;
  /** PEM of the cluster's authority and of the administrator, for plain HTTPS requests. */
  readonly tls: { ca: string; cert: string; key: string };
  /** The resources that it serves. */
  readonly catalog: ResourceCatalog;
  /** In process. Without a name: an administrator; else a user, or `system:serviceaccount:<namespace>:<name>`. */
  client(identity?: string, groups?: readonly string[]): Client;
  close(): Promise<void>;
}

/** The whole API on a free port, with its bootstrap objects, on a real database. Controllers only when asked for. */
export async function testServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.databaseUrl === undefined ? await testDatabase() : undefined;
  const databaseUrl = options.databaseUrl ?? database!.url;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'berth-api-')));
  const plane = await startPlane(options, databaseUrl, dataDir);
  await plane.bootstrapped;
  const { pki } = plane;
  return {
    url: plane.url,
    port: plane.port,
    dataDir,
    databaseUrl,
    adminKubeconfig: pki.kubeconfigs.admin,
    tls: { ca: pki.ca.certificate, cert: pki.admin.certificate, key: pki.admin.key },
    catalog: plane.catalog,
    client: (identity = 'kubernetes-admin', groups = identity === 'kubernetes-admin' ? ['system:masters'] : []) =>
      plane.client(identity, groups),
    close: async () => {
      await plane.close();
      await database?.drop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The server's own root module, with what a test wants to be different in its place. */
async function startPlane(options: TestServerOptions, databaseUrl: string, dataDir: string): Promise<ControlPlane> {
  const [
    { Test },
    { runControlPlane },
    { ControlPlaneModule },
    { CLOCK, NODE_FOLDERS, PROXY_NETWORK, READ_NODE_USAGE, STORE_TUNING },
    { withPort },
    { WebhookClient },
  ] = await Promise.all([
    import('@nestjs/testing'),
    import('../../../apps/api/src/control-plane.js'),
    import('../../../apps/api/src/modules/control-plane.module.js'),
    import('../../../apps/api/src/modules/tokens.js'),
    import('../../../apps/api/src/modules/server-address.js'),
    import('../../../apps/api/src/webhook-client/webhook-client.js'),
  ]);
  const { frameworkAdapter } = await import('../../../apps/api/src/http/https-server.js');
  const { clock, nodeFolders, proxyNetwork, readNodeUsage, store, webhooks } = options;
  const root = ControlPlaneModule.with(
    await withPort({
      dataDir,
      bindAddress: '127.0.0.1',
      securePort: 0,
      advertiseAddress: options.advertiseAddress ?? '192.0.2.1',
      databaseUrl,
      sharedDatabase: false,
      serviceClusterIpRange: options.serviceClusterIpRange ?? '10.96.0.0/16',
      clusterCidr: '10.244.0.0/16',
      clusterDomain: 'cluster.local',
      clusterDnsPort: 10053,
      serviceNodePortRange: '30000-32767',
      localNode: undefined,
      admissionPlugins: enabledAdmissionPlugins(options.admission?.enable ?? [], options.admission?.disable ?? []),
      admissionControlConfigFile: options.admission?.configFile ?? '',
      shutdown: options.shutdown ?? { delayMs: 0, sendRetryAfter: false },
      disabled: new Set(),
      components: new Set(['api', ...(options.components ?? [])] as const),
      logger: options.logger ?? silentLogger,
      audit: options.audit,
      authentication: options.authentication ?? { configFile: '' },
      authorization: {
        configFile: options.authorizationConfigFile ?? '',
        modes: ['Node', 'RBAC'],
        webhook: { configFile: '', version: 'v1', authorizedTtlMs: 0, unauthorizedTtlMs: 0 },
      },
      priorityAndFairness: options.priorityAndFairness ?? true,
      maxInflight: options.maxInflight ?? { reads: 400, writes: 200 },
    }),
  );
  const builder = Test.createTestingModule({ imports: [root] });
  if (clock) builder.overrideProvider(CLOCK).useValue(clock);
  if (proxyNetwork) builder.overrideProvider(PROXY_NETWORK).useValue(proxyNetwork);
  if (nodeFolders) builder.overrideProvider(NODE_FOLDERS).useValue(nodeFolders);
  if (readNodeUsage) builder.overrideProvider(READ_NODE_USAGE).useValue(readNodeUsage);
  if (webhooks)
    builder.overrideProvider(WebhookClient).useValue({ call: webhooks.call.bind(webhooks), close: () => {} });
  if (store) builder.overrideProvider(STORE_TUNING).useValue(store);
  const module = await builder.compile();
  return runControlPlane(module.createNestApplication(frameworkAdapter(), { logger: false, bodyParser: false }));
}
