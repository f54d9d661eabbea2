import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, call, type TestServer, testServer } from '#testing';

const LABEL = 'pod-security.kubernetes.io/';
const PODS = '/api/v1/namespaces/strict/pods';
const PROBLEM = 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)';

const namespace = (name: string, labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const pod = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

async function prepared(server: TestServer, name: string, labels: object = {}): Promise<void> {
  const post = (path: string, body: object) => call(server, path, { method: 'POST', body });
  assert.equal((await post('/api/v1/namespaces', namespace(name, labels))).code, 201);
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  assert.equal((await post(`/api/v1/namespaces/${name}/serviceaccounts`, account)).code, 201);
}

describe('Pod Security through the API', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
    await prepared(server, 'strict', { [`${LABEL}enforce`]: 'baseline' });
    await prepared(server, 'open');
  });
  afterAll(() => server.close());

  const send = (method: string, path: string, body: object, type?: string): Promise<Answer> =>
    call(server, path, { method, body, headers: type ? { 'Content-Type': type } : {} });
  const patch = (path: string, body: object) => send('PATCH', path, body, 'application/strategic-merge-patch+json');

  test('refuses pods by every way in', async () => {
    const refused = await send('POST', PODS, pod('bad', { hostNetwork: true }));
    assert.equal(refused.code, 403);
    assert.equal(refused.json.message, `pods "bad" is forbidden: ${PROBLEM}`);
    assert.equal((await send('POST', `${PODS}?dryRun=All`, pod('bad', { hostNetwork: true }))).code, 403);
    const applied = `${PODS}/bad?fieldManager=me`;
    assert.equal(
      (await send('PATCH', applied, pod('bad', { hostNetwork: true }), 'application/apply-patch+yaml')).code,
      403,
    );

    assert.equal((await send('POST', PODS, pod('good'))).code, 201);
    const privileged = { name: 'd', image: 'i', securityContext: { privileged: true } };
    const debug = await patch(`${PODS}/good/ephemeralcontainers`, { spec: { ephemeralContainers: [privileged] } });
    assert.equal(debug.code, 403);
    assert.match(debug.json.message, /privileged \(container "d" must not set securityContext\.privileged=true\)$/);
    const exempt = { metadata: { annotations: { [`${LABEL}exempt`]: 'user' } } };
    assert.equal((await patch(`${PODS}/good`, exempt)).code, 200);
  });

  test('warns of workloads', async () => {
    const template = { metadata: { labels: { a: 'b' } }, spec: pod('x', { hostNetwork: true }).spec };
    const body = { metadata: { name: 'w' }, spec: { selector: { matchLabels: { a: 'b' } }, template } };
    const answer = await send('POST', '/apis/apps/v1/namespaces/strict/deployments', body);
    assert.equal(answer.code, 201);
    assert.match(String(answer.headers['warning']), /would violate PodSecurity \\"baseline:latest\\": host namespaces/);
  });

  test('tells who tightens a namespace of what runs in it', async () => {
    assert.equal((await send('POST', '/api/v1/namespaces/open/pods', pod('old', { hostNetwork: true }))).code, 201);
    const answer = await patch('/api/v1/namespaces/open', {
      metadata: { labels: { [`${LABEL}enforce`]: 'baseline' } },
    });
    assert.equal(answer.code, 200);
    assert.match(String(answer.headers['warning']), /existing pods in namespace .*old: host namespaces/s);
    // Pods that are there may be changed where it does not matter.
    assert.equal((await patch('/api/v1/namespaces/open/pods/old', { metadata: { labels: { a: 'b' } } })).code, 200);
    const wrong = await patch('/api/v1/namespaces/open', { metadata: { labels: { [`${LABEL}warn`]: 'odd' } } });
    assert.equal(wrong.code, 422);
  });
});

test('plugins are chosen and configured', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-admission-'));
  const configFile = join(folder, 'admission.yaml');
  const configuration = {
    apiVersion: 'pod-security.admission.config.k8s.io/v1',
    kind: 'PodSecurityConfiguration',
    defaults: { enforce: 'baseline' },
    exemptions: { namespaces: ['free'] },
  };
  const plugins = [{ name: 'PodSecurity', configuration }];
  const kind = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration' };
  await writeFile(configFile, JSON.stringify({ ...kind, plugins }));
  const server = await testServer({ admission: { enable: ['AlwaysPullImages'], disable: ['Priority'], configFile } });
  try {
    await prepared(server, 'free');
    await prepared(server, 'strict');
    const post = (name: string) =>
      call(server, `/api/v1/namespaces/${name}/pods`, { method: 'POST', body: pod('p', { hostNetwork: true }) });
    assert.equal((await post('strict')).code, 403);
    const { code, json } = await post('free');
    assert.equal(code, 201);
    assert.equal(json.spec.containers[0].imagePullPolicy, 'Always');
    assert.equal(json.spec.priority, undefined);
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
});
