import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { type ControllerRevision, type DaemonSet, gvr, type Pod } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true });
  await createNode('node-2');
});
afterAll(() => env.close());

const createNode = (name: string, labels: Record<string, string> = {}) =>
  env.client.create<KubeObject>(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
const create = (namespace: string, spec: Record<string, unknown> = {}, podSpec: Record<string, unknown> = {}) =>
  env.client.create<KubeObject>(gvr.daemonsets, namespace, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { app: 'd' } },
      template: {
        metadata: { labels: { app: 'd' } },
        spec: { containers: [{ name: 'main', image: 'd:1' }], ...podSpec },
      },
      ...spec,
    },
  });
const get = (namespace: string) => env.client.get<DaemonSet & KubeObject>(gvr.daemonsets, namespace, 'd');
const pods = async (namespace: string) => (await env.client.list<Pod & KubeObject>(gvr.pods, { namespace })).items;
const nodesOf = async (namespace: string) =>
  (await pods(namespace))
    .filter((pod) => !pod.metadata.deletionTimestamp)
    .map((pod) => pod.spec.nodeName)
    .sort();
const setImage = (namespace: string, image: string) =>
  env.client.patch(gvr.daemonsets, namespace, 'd', MERGE, {
    spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
  });
/** What `kubectl rollout status` waits for. */
const rolledOut = (namespace: string) =>
  env.until('the rollout', async () => {
    const { metadata, status } = await get(namespace);
    const wanted = status?.desiredNumberScheduled ?? 0;
    return (
      status?.observedGeneration === metadata.generation &&
      (status?.updatedNumberScheduled ?? 0) === wanted &&
      (status?.numberAvailable ?? 0) === wanted
    );
  });

describe('DaemonSet', () => {
  it('runs one pod on every node, also on new ones, and follows node labels', async () => {
    const all = await env.namespace();
    const some = await env.namespace();
    await create(all);
    await create(some, {}, { nodeSelector: { disk: 'fast' } });
    await env.until('both nodes', async () => (await nodesOf(all)).join() === 'node-1,node-2');
    await createNode('node-3', { disk: 'fast' });
    await env.until('the new node', async () => (await nodesOf(all)).join() === 'node-1,node-2,node-3');
    await env.until('the fast node', async () => (await nodesOf(some)).join() === 'node-3');
    await rolledOut(all);
    assert.equal((await get(all)).status?.numberReady, 3);
    await env.client.patch(gvr.nodes, '', 'node-3', MERGE, { metadata: { labels: { disk: null } } });
    await env.until('no pod', async () => (await pods(some)).length === 0);
    await env.client.delete(gvr.nodes, '', 'node-3');
  });

  it('replaces its pods node by node, keeps a history, and goes back to it', async () => {
    const namespace = await env.namespace();
    await create(namespace);
    await rolledOut(namespace);
    await setImage(namespace, 'd:2');
    await rolledOut(namespace);
    assert.ok((await pods(namespace)).every((pod) => pod.spec.containers[0]?.image === 'd:2'));
    const history = async () =>
      (await env.client.list<ControllerRevision & KubeObject>(gvr.controllerrevisions, { namespace })).items;
    assert.deepEqual((await history()).map(({ revision }) => revision).sort(), [1, 2]);
    const first = (await history()).find(({ revision }) => revision === 1)!;
    const data = first.data as KubeObject;
    await env.client.patch(gvr.daemonsets, namespace, 'd', 'application/strategic-merge-patch+json', data);
    await rolledOut(namespace);
    assert.ok((await pods(namespace)).every((pod) => pod.spec.containers[0]?.image === 'd:1'));
    assert.deepEqual((await history()).map(({ revision }) => revision).sort(), [2, 3]);
  });

  it('surges: the old pod stays until the new one is available', async () => {
    const namespace = await env.namespace();
    await create(namespace, { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    await rolledOut(namespace);
    let least = 9;
    const stop = new AbortController();
    const watching = (async () => {
      while (!stop.signal.aborted) {
        const ready = (await pods(namespace)).filter((pod) =>
          pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
        );
        least = Math.min(least, ready.length);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await setImage(namespace, 'd:2');
    await rolledOut(namespace);
    stop.abort();
    await watching;
    assert.ok(least >= 2, `only ${least} ready`);
  });

  it('OnDelete waits for somebody to delete the old pods', async () => {
    const namespace = await env.namespace();
    await create(namespace, { updateStrategy: { type: 'OnDelete' } });
    await rolledOut(namespace);
    await setImage(namespace, 'd:2');
    await env.until('the new generation', async () => (await get(namespace)).status?.observedGeneration === 2);
    const [one] = await pods(namespace);
    assert.ok((await pods(namespace)).every((pod) => pod.spec.containers[0]?.image === 'd:1'));
    await env.client.delete(gvr.pods, namespace, one!.metadata.name!);
    await env.until('one new pod', async () => {
      const images = (await pods(namespace)).map((pod) => pod.spec.containers[0]?.image).sort();
      return images.join() === 'd:1,d:2';
    });
  });
});
