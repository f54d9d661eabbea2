import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { type APIService, gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';
import { type RemoteApi, remoteApi } from './testing/remote-api.js';

const GROUP = 'wardle.example.com';
const VERSION = 'v1alpha1';
const PREFIX = `/apis/${GROUP}/${VERSION}`;
const NAME = `${VERSION}.${GROUP}`;
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

let server: TestServer;
let client: Client;
let remote: RemoteApi;

beforeAll(async () => {
  server = await testServer({
    proxyNetwork: {
      resolve: async (name) => [name],
      // Whatever address an endpoint has: it is on this machine.
      connect: (_, port) => connectTcp({ host: '127.0.0.1', port }),
    },
  });
  client = server.client();
  const frontProxyCa = await readFile(join(server.dataDir, 'pki', 'front-proxy-ca.crt'), 'utf8');
  remote = await remoteApi('flunders.tools.svc', GROUP, VERSION, frontProxyCa);
  await client.create(gvr.namespaces, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tools' } });
  await client.create<KubeObject>(gvr.services, 'tools', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'flunders', namespace: 'tools' },
    spec: { ports: [{ name: 'https', port: 443 }] },
  });
  await createSlice();
  await create({ service: { namespace: 'tools', name: 'flunders' }, caBundle: remote.caBundle });
  await until('True Passed');
});
afterAll(async () => {
  await server.close();
  await remote.close();
});

const createSlice = () =>
  client.create<KubeObject>(gvr.endpointslices, 'tools', {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'flunders-1', namespace: 'tools', labels: { 'kubernetes.io/service-name': 'flunders' } },
    addressType: 'IPv4',
    ports: [{ name: 'https', port: remote.port, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.244.0.9'], conditions: { ready: true } }],
  });

const create = (spec: object, group = GROUP, version = VERSION) =>
  client.create<KubeObject>(gvr.apiservices, '', {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${version}.${group}` },
    spec: { group, version, groupPriorityMinimum: 100, versionPriority: 15, ...spec },
  });

async function condition(name = NAME): Promise<string> {
  const { status } = await client.get<APIService>(gvr.apiservices, '', name);
  const found = status?.conditions?.find(({ type }) => type === 'Available');
  return found ? `${found.status} ${found.reason}` : '';
}

async function until(wanted: string, name = NAME): Promise<void> {
  const end = Date.now() + 15_000;
  for (let now = await condition(name); now !== wanted; now = await condition(name)) {
    if (Date.now() > end) assert.equal(now, wanted);
    await sleep(50);
  }
}

interface Answer {
  code: number;
  type: string;
  body: string;
}

async function ask(path: string, headers: Record<string, string> = {}, url = server.url): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(`${url}${path}`, { ...server.tls, servername: 'localhost', headers });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const type = incoming.headers['content-type'] ?? '';
      text(incoming).then((body) => resolve({ code: incoming.statusCode!, type, body }), reject);
    });
    outgoing.end();
  });
}
const document = async (path: string, accept = 'application/json') => JSON.parse((await ask(path, { accept })).body);

describe('an API of another server', () => {
  it('is found by clients', async () => {
    const { groups } = await document('/apis');
    const version = { groupVersion: `${GROUP}/${VERSION}`, version: VERSION };
    assert.deepEqual(groups.at(-1), { name: GROUP, versions: [version], preferredVersion: version });
    assert.equal((await document(`/apis/${GROUP}`)).preferredVersion.groupVersion, `${GROUP}/${VERSION}`);
    assert.deepEqual((await document(PREFIX)).resources[0].kind, 'Flunder');
    const { items } = await document('/apis', AGGREGATED);
    const [listed] = items.at(-1).versions;
    assert.equal(
      `${listed.version} ${listed.freshness} ${listed.resources[0].resource}`,
      `${VERSION} Current flunders`,
    );
    const { paths } = await document('/openapi/v3');
    const address = paths[`apis/${GROUP}/${VERSION}`].serverRelativeURL;
    assert.equal((await document(address)).path, address);
  });

  it('is asked by this server, with the name of the user, and of nobody whom the client names', async () => {
    const path = `${PREFIX}/namespaces/tools/flunders?limit=5`;
    const answer = await ask(path, {
      'X-Remote-User': 'somebody-else',
      'x-remote-group': 'system:masters',
      'X-Remote-Extra-Scopes': 'all',
      'Impersonate-User': 'jäne',
      'Impersonate-Group': 'system:masters',
      'Impersonate-Extra-example.com%2fteam': 'a',
    });
    assert.equal(JSON.parse(answer.body).path, path);
    const { headers, peer } = remote.asked.at(-1)!;
    assert.equal(peer, 'front-proxy-client');
    assert.equal(Buffer.from(headers['x-remote-user'] as string, 'latin1').toString(), 'jäne');
    assert.equal(headers['x-remote-group'], 'system:masters, system:authenticated');
    const extras = Object.keys(headers).filter((name) => name.startsWith('x-remote-extra-'));
    assert.deepEqual(extras, ['x-remote-extra-example.com%2fteam']);
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith('impersonate-') || name === 'authorization'),
      [],
    );
  });

  it('answers in its own words', async () => {
    const { code, body } = await ask(`${PREFIX}/namespaces/tools/flunders/missing`);
    assert.equal(`${code} ${JSON.parse(body).message}`, '404 no such flunder');
  });

  it('is not asked for those whom this server refuses', async () => {
    const before = remote.asked.length;
    const headers = { 'Impersonate-User': 'nobody-special' };
    const { code, body } = await ask(`${PREFIX}/namespaces/tools/flunders/a`, headers);
    assert.equal(code, 403);
    const message = `flunders.${GROUP} "a" is forbidden: User "nobody-special" cannot get resource "flunders" in API group "${GROUP}" in the namespace "tools"`;
    assert.equal(JSON.parse(body).message, message);
    assert.equal(remote.asked.length, before);
  });

  it('is watched event by event', async () => {
    const seen: { at: number; line: string }[] = [];
    await new Promise<void>((resolve, reject) => {
      const path = `${PREFIX}/namespaces/tools/flunders?watch=true`;
      const outgoing = httpsRequest(`${server.url}${path}`, { ...server.tls, servername: 'localhost' });
      outgoing.on('error', reject);
      outgoing.on('response', (incoming) => {
        incoming.on('data', (part: Buffer) => seen.push({ at: performance.now(), line: part.toString().trim() }));
        incoming.on('end', resolve);
      });
      outgoing.end();
    });
    assert.deepEqual(
      seen.map(({ line }) => line),
      ['{"type":"ADDED"}', '{"type":"DELETED"}'],
    );
    assert.ok(seen[1]!.at - seen[0]!.at > 200, 'the first event came before the second was there');
  });

  it('has its upgrades passed on', async () => {
    const echoed = await new Promise<string>((resolve, reject) => {
      const outgoing = httpsRequest(`${server.url}${PREFIX}/namespaces/tools/flunders/a/stream`, {
        ...server.tls,
        servername: 'localhost',
        headers: { Connection: 'Upgrade', Upgrade: 'echo' },
      });
      outgoing.on('error', reject);
      outgoing.on('upgrade', (_, socket) => {
        socket.once('data', (part: Buffer) => {
          resolve(part.toString());
          socket.destroy();
        });
        socket.write('hello');
      });
      outgoing.end();
    });
    assert.equal(echoed, 'hello');
    assert.equal(remote.asked.at(-1)!.headers['x-remote-user'], 'kubernetes-admin');
  });

  it('is found by clients though its server lists versions one by one', async () => {
    remote.plain = true;
    // A change of the APIService is looked at at once.
    const patch = { spec: { versionPriority: 16 } };
    await client.patch(gvr.apiservices, '', NAME, 'application/merge-patch+json', patch);
    await sleep(1000);
    const { items } = await document('/apis', AGGREGATED);
    assert.equal(items.at(-1).versions[0].resources[0].resource, 'flunders');
  });
});

describe('an API that is not available', () => {
  it('says why, and hinders no other', async () => {
    await client.delete(gvr.endpointslices, 'tools', 'flunders-1');
    await until('False EndpointsNotFound');
    const { code, type, body } = await ask(`${PREFIX}/namespaces/tools/flunders`);
    assert.deepEqual(
      { code, type, body },
      { code: 503, type: 'text/plain; charset=utf-8', body: 'service unavailable\n' },
    );
    const { items } = await document('/apis', AGGREGATED);
    assert.equal(items.at(-1).versions[0].freshness, 'Stale');
    assert.equal((await ask('/apis/apps/v1/deployments')).code, 200);
    await createSlice();
    await until('True Passed');
  });

  const cases: [what: string, spec: object, reason: string][] = [
    ['no Service', { service: { namespace: 'tools', name: 'none' } }, 'ServiceNotFound'],
    ['another port', { service: { namespace: 'tools', name: 'flunders', port: 8443 } }, 'ServicePortError'],
    ['an authority that is not trusted', { service: { namespace: 'tools', name: 'flunders' } }, 'FailedDiscoveryCheck'],
  ];
  for (const [at, [what, spec, reason]] of cases.entries()) {
    it(`has ${what}: ${reason}`, async () => {
      const group = `case-${at}.example.com`;
      await create(spec, group);
      await until(`False ${reason}`, `${VERSION}.${group}`);
      await client.delete(gvr.apiservices, '', `${VERSION}.${group}`);
    });
  }

  it('goes with its APIService', async () => {
    await create({ service: { namespace: 'tools', name: 'none' } }, 'gone.example.com');
    await until('False ServiceNotFound', `${VERSION}.gone.example.com`);
    assert.equal((await ask('/apis/gone.example.com')).code, 200);
    await client.delete(gvr.apiservices, '', `${VERSION}.gone.example.com`);
    await sleep(100);
    assert.equal((await ask('/apis/gone.example.com')).code, 404);
    assert.equal((await ask(`/apis/gone.example.com/${VERSION}/things`)).code, 404);
  });
});

describe('APIServices of this server', () => {
  it('are there for its own groups, and available', async () => {
    const { items } = await client.list<APIService>(gvr.apiservices);
    const local = items.filter(({ spec }) => !spec.service).map(({ metadata }) => metadata.name);
    for (const name of ['v1.', 'v1.apps', 'v2.autoscaling', 'v1.storage.k8s.io']) assert.ok(local.includes(name), name);
    assert.ok(!local.includes('v1beta1.metrics.k8s.io'));
    assert.equal(await condition('v1.apps'), 'True Local');
  });

  it('do not give its own groups to anybody else', async () => {
    const service = { namespace: 'tools', name: 'flunders' };
    await client.patch(gvr.apiservices, '', 'v1.apps', 'application/merge-patch+json', { spec: { service } });
    await sleep(300);
    assert.equal(JSON.parse((await ask('/apis/apps/v1/deployments')).body).kind, 'DeploymentList');
    await client.patch(gvr.apiservices, '', 'v1.apps', 'application/merge-patch+json', { spec: { service: null } });
  });

  it('leave the usage of pods and nodes to a server that is installed for it', async () => {
    const path = '/apis/metrics.k8s.io/v1beta1/nodes';
    assert.equal(JSON.parse((await ask(path)).body).kind, 'NodeMetricsList');
    const service = { namespace: 'tools', name: 'flunders' };
    await create({ service, caBundle: remote.caBundle }, 'metrics.k8s.io', 'v1beta1');
    const name = 'v1beta1.metrics.k8s.io';
    await until('False FailedDiscoveryCheck', name);
    assert.equal((await ask(path)).code, 503);
    await client.delete(gvr.apiservices, '', name);
    await sleep(300);
    assert.equal(JSON.parse((await ask(path)).body).kind, 'NodeMetricsList');
  });

  it('come and go with definitions of custom resources', async () => {
    const plural = 'gears';
    const group = 'local.example.com';
    const schema = { openAPIV3Schema: { type: 'object' } };
    await client.create<KubeObject>(gvr.customresourcedefinitions, '', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural, kind: 'Gear' },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    });
    const exists = () =>
      client.get(gvr.apiservices, '', `v1.${group}`).then(
        () => true,
        () => false,
      );
    const untilExists = async (wanted: boolean) => {
      const end = Date.now() + 10_000;
      while ((await exists()) !== wanted) {
        assert.ok(Date.now() < end, `an APIService of the definition: ${!wanted}`);
        await sleep(50);
      }
    };
    await untilExists(true);
    await client.delete(gvr.customresourcedefinitions, '', `${plural}.${group}`);
    await untilExists(false);
  });
});
