import assert from 'node:assert/strict';
import { isNotFound, type KubeObject } from '#apimachinery';
import { gvr, type Node, type Pod } from '#kinds';
import { type ControllerEnvironment, call, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
});
afterAll(() => env.close());

const createNode = (name: string, zone = 'a') =>
  env.client.create<KubeObject>(gvr.nodes, '', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
  });
const getNode = (name: string) => env.client.get<Node & KubeObject>(gvr.nodes, '', name);
const report = (name: string, status: string) =>
  env.client.patch(
    gvr.nodes,
    '',
    name,
    MERGE,
    {
      status: {
        conditions: [{ type: 'Ready', status, lastHeartbeatTime: '2030-01-01T00:00:00Z', reason: 'KubeletReady' }],
      },
    },
    { subresource: 'status' },
  );
const taints = async (name: string) =>
  ((await getNode(name)).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).sort();

async function runPod(namespace: string, name: string, node: string, tolerations: object[] = []): Promise<void> {
  await env.client.create<KubeObject>(gvr.pods, namespace, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { nodeName: node, tolerations, containers: [{ name: 'main', image: 'x' }], terminationGracePeriodSeconds: 1 },
  });
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await env.client.patch(gvr.pods, namespace, name, MERGE, { status }, { subresource: 'status' });
}

async function findPod(namespace: string, name: string): Promise<(Pod & KubeObject) | undefined> {
  try {
    return await env.client.get<Pod & KubeObject>(gvr.pods, namespace, name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

describe('nodes', () => {
  it('each get a slice of the pod network of their own', async () => {
    await Promise.all(['cidr-a', 'cidr-b', 'cidr-c'].map((name) => createNode(name)));
    const cidrs = await env.until('three slices', async () => {
      const nodes = await Promise.all(['cidr-a', 'cidr-b', 'cidr-c'].map(getNode));
      return nodes.every((node) => node.spec?.podCIDR) && nodes.map((node) => node.spec!.podCIDR!);
    });
    assert.equal(new Set(cidrs).size, 3);
    assert.ok(cidrs.every((cidr) => /^10\.244\.\d+\.0\/24$/.test(cidr)));
  });

  it('that are not ready are tainted; their pods go, but for those that tolerate it', async () => {
    const namespace = await env.namespace();
    await createNode('well', 'b');
    await report('well', 'True');
    await createNode('sick', 'b');
    await report('sick', 'True');
    await env.until('no taint', async () => (await taints('sick')).length === 0);
    await runPod(namespace, 'goes', 'sick', [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 },
    ]);
    await runPod(namespace, 'stays', 'sick', [{ operator: 'Exists' }]);
    await report('sick', 'False');
    await env.until('the taints', async () => {
      const now = (await taints('sick')).join();
      return now === 'node.kubernetes.io/not-ready:NoExecute,node.kubernetes.io/not-ready:NoSchedule';
    });
    const evicted = await env.until('the eviction', async () => {
      const pod = await findPod(namespace, 'goes');
      return pod?.metadata.deletionTimestamp !== undefined && pod;
    });
    const metrics = (await call(env.server, '/metrics')).body.toString();
    assert.match(metrics, /^node_collector_evictions_total\{zone=":\0:b"\} 1$/m);
    const disruption = evicted.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.equal(disruption?.reason, 'DeletionByTaintManager');
    assert.equal((await findPod(namespace, 'stays'))?.metadata.deletionTimestamp, undefined);
    await env.until('the pod to be marked', async () => {
      const pod = await findPod(namespace, 'stays');
      return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'False');
    });
    await report('sick', 'True');
    await env.until('no taint', async () => (await taints('sick')).length === 0);
  });

  it('that are cordoned are tainted', async () => {
    await createNode('cordoned');
    await report('cordoned', 'True');
    await env.client.patch(gvr.nodes, '', 'cordoned', MERGE, { spec: { unschedulable: true } });
    await env.until(
      'the taint',
      async () => (await taints('cordoned')).join() === 'node.kubernetes.io/unschedulable:NoSchedule',
    );
  });
});
