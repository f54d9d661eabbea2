import assert from 'node:assert/strict';
import { isForbidden, isNotFound, type KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';

const NODES = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'nodes' };
const PODS = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' };

/** Two containers that use 0.25 and 0.5 cores, on a node that uses 2. */
function usageText(): string {
  const now = Date.now();
  const line = (family: string, labels: string, value: number) => `${family}${labels} ${value} ${now}`;
  const container = (name: string, cores: number) => {
    const labels = `{container="${name}",namespace="default",pod="web"}`;
    return [
      line('container_cpu_usage_seconds_total', labels, (now / 1000) * cores),
      line('container_memory_working_set_bytes', labels, 64 * 1024 * 1024),
    ];
  };
  return [
    line('node_cpu_usage_seconds_total', '', (now / 1000) * 2),
    line('node_memory_working_set_bytes', '', 1024 ** 3),
    ...container('main', 0.25),
    ...container('side', 0.5),
    '',
  ].join('\n');
}

describe('metrics.k8s.io', () => {
  let server: TestServer;
  let client: Client;

  beforeAll(async () => {
    server = await testServer({ readNodeUsage: async () => usageText() });
    client = server.client();
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await client.create(gvr.serviceaccounts, 'default', account);
    await client.create<KubeObject>(gvr.nodes, '', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1', labels: { zone: 'a' } },
    });
    for (const name of ['web', 'silent']) {
      await client.create<KubeObject>(gvr.pods, 'default', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, labels: { app: name } },
        spec: { nodeName: 'node-1', containers: ['main', 'side'].map((c) => ({ name: c, image: 'i' })) },
      });
      const patch = { status: { phase: 'Running' } };
      await client.patch(gvr.pods, 'default', name, 'application/merge-patch+json', patch, { subresource: 'status' });
    }
  });
  afterAll(() => server.close());

  const get = async (path: string, accept = 'application/json') => {
    const { code, json } = await call(server, path, { headers: { accept } });
    return { status: code, json };
  };

  it('tells what a pod and a node use', async () => {
    const pod = await client.get(PODS, 'default', 'web');
    assert.deepEqual([pod.kind, pod.apiVersion], ['PodMetrics', 'metrics.k8s.io/v1beta1']);
    assert.deepEqual(pod.metadata.labels, { app: 'web' });
    assert.match(pod['window'], /^1\.\d+s$/);
    const used = Object.fromEntries(pod['containers'].map(({ name, usage }: any) => [name, usage]));
    assert.deepEqual(Object.keys(used).sort(), ['main', 'side']);
    assert.ok(Math.abs(Number.parseInt(used.main.cpu, 10) / 1e9 - 0.25) < 0.02, used.main.cpu);
    assert.equal(used.main.memory, '64Mi');
    const node = await client.get(NODES, '', 'node-1');
    assert.ok(Math.abs(Number.parseInt(node['usage'].cpu, 10) / 1e9 - 2) < 0.02, node['usage'].cpu);
    assert.equal(node['usage'].memory, '1Gi');
  });

  it('lists by namespace, labels and fields', async () => {
    const names = async (path: string) => {
      const { status, json } = await get(path);
      assert.equal(status, 200, JSON.stringify(json));
      assert.equal(json.metadata.resourceVersion, undefined);
      return json.items.map((item: KubeObject) => item.metadata.name).join();
    };
    const root = '/apis/metrics.k8s.io/v1beta1';
    assert.equal(await names(`${root}/pods`), 'web');
    assert.equal(await names(`${root}/namespaces/default/pods?labelSelector=app%3Dweb`), 'web');
    assert.equal(await names(`${root}/namespaces/default/pods?labelSelector=app%3Dother`), '');
    assert.equal(await names(`${root}/namespaces/default/pods?fieldSelector=metadata.name%3Dweb`), 'web');
    assert.equal(await names(`${root}/namespaces/other/pods`), '');
    assert.equal(await names(`${root}/nodes?labelSelector=zone%3Da`), 'node-1');
    assert.equal(await names(`${root}/nodes?labelSelector=zone%3Db`), '');
    const again = (await get(`${root}/pods`)).json.items[0].timestamp;
    assert.equal(typeof again, 'string');
  });

  it('shows tables', async () => {
    const { json } = await get('/apis/metrics.k8s.io/v1beta1/pods', 'application/json;as=Table;v=v1;g=meta.k8s.io');
    assert.deepEqual(
      json.columnDefinitions.map(({ name }: { name: string }) => name),
      ['Name', 'cpu', 'memory', 'Window'],
    );
    const [name, cpu, memory] = json.rows[0].cells;
    assert.deepEqual([name, memory], ['web', '128Mi']);
    assert.match(cpu, /^7[45]\d+n$/);
  });

  it('knows what is not there from what has no usage', async () => {
    const message = async (work: Promise<unknown>) => {
      const error = await work.then(
        () => undefined,
        (failure) => failure,
      );
      assert.ok(isNotFound(error), String(error));
      return error.message;
    };
    assert.equal(await message(client.get(PODS, 'default', 'none')), 'pods "none" not found');
    assert.equal(
      await message(client.get(PODS, 'default', 'silent')),
      'podmetrics.metrics.k8s.io "default/silent" not found',
    );
    assert.equal(await message(client.get(NODES, '', 'none')), 'nodes "none" not found');
  });

  it('is in discovery, is read only, and may be read by who may view', async () => {
    const group = (await get('/apis/metrics.k8s.io')).json;
    assert.deepEqual(group.preferredVersion, { groupVersion: 'metrics.k8s.io/v1beta1', version: 'v1beta1' });
    const { resources } = (await get('/apis/metrics.k8s.io/v1beta1')).json;
    assert.deepEqual(
      resources.map(({ name, kind, namespaced, verbs }: any) => [name, kind, namespaced, verbs.join()]),
      [
        ['nodes', 'NodeMetrics', false, 'get,list'],
        ['pods', 'PodMetrics', true, 'get,list'],
      ],
    );
    const path = '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/web';
    assert.equal((await call(server, path, { method: 'DELETE' })).code, 405);
    const viewer = server.client('viewer');
    await assert.rejects(viewer.get(PODS, 'default', 'web'), isForbidden);
    await client.create<KubeObject>(gvr.rolebindings, 'default', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'viewer' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'viewer' }],
    });
    assert.equal((await viewer.get(PODS, 'default', 'web')).metadata.name, 'web');
  });
});
