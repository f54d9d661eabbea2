import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { KubeObject } from '#apimachinery';
import { silentLogger } from '#client';
import { gvr } from '#kinds';
import { enabledAdmissionPlugins } from '#settings';
import { call, type TestDatabase, testDatabase } from '#testing';
import { startControlPlane } from './control-plane.js';
import type { ControlPlaneOptions } from './modules/control-plane-options.js';

describe('the server as a whole', () => {
  let database: TestDatabase;
  let dataDir: string;
  beforeAll(async () => {
    database = await testDatabase();
    dataDir = await mkdtemp(join(tmpdir(), 'berth-plane-'));
  });
  afterAll(async () => {
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const options = (more: Partial<ControlPlaneOptions>): ControlPlaneOptions => ({
    dataDir,
    bindAddress: '127.0.0.1',
    securePort: 0,
    advertiseAddress: '192.0.2.1',
    databaseUrl: database.url,
    sharedDatabase: false,
    serviceClusterIpRange: '10.96.0.0/16',
    clusterCidr: '10.244.0.0/16',
    clusterDomain: 'cluster.local',
    clusterDnsPort: 10053,
    serviceNodePortRange: '30000-32767',
    localNode: undefined,
    admissionPlugins: enabledAdmissionPlugins([], []),
    admissionControlConfigFile: '',
    authentication: { configFile: '' },
    authorization: {
      ...{ configFile: '', modes: ['Node', 'RBAC'] },
      webhook: { configFile: '', version: 'v1', authorizedTtlMs: 0, unauthorizedTtlMs: 0 },
    },
    shutdown: { delayMs: 0, sendRetryAfter: false },
    priorityAndFairness: true,
    maxInflight: { reads: 400, writes: 200 },
    disabled: new Set(),
    components: new Set(['api']),
    logger: silentLogger,
    ...more,
  });

  test('serves before the cluster has its objects, and is ready when it has them', async () => {
    const plane = await startControlPlane(options({}));
    try {
      const { ca, admin } = plane.pki;
      const target = {
        url: plane.url,
        tls: { ca: ca.certificate, cert: admin.certificate, key: admin.key },
      };
      assert.equal((await call(target, '/livez')).code, 200);
      await plane.bootstrapped;
      assert.equal((await call(target, '/readyz')).code, 200);
    } finally {
      await plane.close();
    }
  });

  test('ends its parts in turn: the port, the loops, the store', async () => {
    const plane = await startControlPlane(options({ components: new Set(['api', 'controllers']) }));
    await plane.bootstrapped;
    const client = plane.client('kubernetes-admin', ['system:masters']);
    const lease = async () =>
      client.get<KubeObject>(gvr.leases, 'kube-system', 'kube-controller-manager').catch(() => undefined);
    while (!(await lease())?.spec?.holderIdentity) await new Promise((resolve) => setTimeout(resolve, 20));
    const seen: { leader: string; port: string }[] = [];
    const close = plane.store.close.bind(plane.store);
    plane.store.close = async () => {
      seen.push({ leader: (await lease())!.spec.holderIdentity, port: await answerOf(plane.port) });
      await close();
    };
    await plane.close();
    assert.deepEqual(seen, [{ leader: '', port: 'ECONNREFUSED' }]);
    await plane.close();
    assert.equal(seen.length, 1, 'a second end does nothing');
  });

  test('closes the store when it cannot listen', async () => {
    const other = await listener();
    const { port } = other.address() as { port: number };
    try {
      await assert.rejects(startControlPlane(options({ securePort: port })), { code: 'EADDRINUSE', port });
    } finally {
      other.close();
    }
    assert.deepEqual(await sessions(database.url), []);
  });

  test('listens nowhere without its API', async () => {
    const plane = await startControlPlane(options({ components: new Set(['scheduler']) }));
    await plane.bootstrapped;
    assert.equal(await answerOf(plane.port), 'ECONNREFUSED');
    await plane.close();
    assert.deepEqual(await sessions(database.url), []);
  });
});

function listener(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** What a connection to a port of this machine comes to. */
function answerOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
  });
}

/** The server's sessions in a database. */
async function sessions(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT application_name AS name FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'berth %'`,
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}
