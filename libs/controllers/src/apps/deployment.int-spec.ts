import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { type Deployment, gvr, type Pod, type ReplicaSet } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';
const REVISION = 'deployment.kubernetes.io/revision';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true });
});
afterAll(() => env.close());

interface Wanted {
  replicas?: number;
  image?: string;
  annotations?: Record<string, string>;
  spec?: Record<string, unknown>;
}

function manifest({ replicas = 3, image = 'web:1', annotations, spec }: Wanted): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' }, annotations }, spec: { containers: [{ name: 'main', image }] } },
      ...spec,
    },
  };
}

const create = (namespace: string, wanted: Wanted = {}) =>
  env.client.create(gvr.deployments, namespace, manifest(wanted));
const patch = (namespace: string, body: unknown) => env.client.patch(gvr.deployments, namespace, 'web', MERGE, body);
const setImage = (namespace: string, image: string, annotations?: Record<string, string | null>) =>
  patch(namespace, {
    spec: { template: { metadata: { annotations }, spec: { containers: [{ name: 'main', image }] } } },
  });
const get = (namespace: string) => env.client.get<Deployment & KubeObject>(gvr.deployments, namespace, 'web');
const sets = async (namespace: string) =>
  (await env.client.list<ReplicaSet & KubeObject>(gvr.replicasets, { namespace })).items;
const pods = async (namespace: string) => (await env.client.list<Pod & KubeObject>(gvr.pods, { namespace })).items;

/** How many pods each revision is to have, by its image. */
const sizes = async (namespace: string) =>
  new Map((await sets(namespace)).map(({ spec }) => [spec.template!.spec!.containers[0]!.image, spec.replicas ?? 1]));

/** Looks all the time how many pods there are at most, and how many are ready at least. */
function watchBounds(namespace: string): { end(): Promise<{ most: number; least: number }> } {
  const stop = new AbortController();
  const bounds = { most: 0, least: Number.POSITIVE_INFINITY };
  const watching = (async () => {
    while (!stop.signal.aborted) {
      const running = (await pods(namespace)).filter((pod) => !pod.metadata.deletionTimestamp);
      const ready = running.filter((pod) =>
        pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
      );
      bounds.most = Math.max(bounds.most, running.length);
      bounds.least = Math.min(bounds.least, ready.length);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  return {
    end: async () => {
      stop.abort();
      await watching;
      return bounds;
    },
  };
}

/** What `kubectl rollout status` waits for. */
const rolledOut = (namespace: string) =>
  env.until('the rollout', async () => {
    const { metadata, spec, status } = await get(namespace);
    const wanted = spec.replicas ?? 1;
    return (
      status?.observedGeneration === metadata.generation &&
      (status?.updatedReplicas ?? 0) === wanted &&
      (status?.replicas ?? 0) === wanted &&
      (status?.availableReplicas ?? 0) === wanted
    );
  });

const condition = (deployment: Deployment, type: string) =>
  deployment.status?.conditions?.find((candidate) => candidate.type === type);

describe('Deployment', () => {
  it('runs its pods and reports them available', async () => {
    const namespace = await env.namespace();
    await create(namespace);
    await rolledOut(namespace);
    const deployment = await env.until('the reason', async () => {
      const current = await get(namespace);
      return condition(current, 'Progressing')?.reason === 'NewReplicaSetAvailable' && current;
    });
    assert.equal(condition(deployment, 'Available')?.status, 'True');
    assert.equal(deployment.metadata.annotations?.[REVISION], '1');
    assert.equal((await pods(namespace)).length, 3);
  });

  it('rolls a new template out within surge and availability, and back', async () => {
    const namespace = await env.namespace();
    await create(namespace, { spec: { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } });
    await rolledOut(namespace);
    const bounds = watchBounds(namespace);
    await setImage(namespace, 'web:2');
    await rolledOut(namespace);
    const { most, least } = await bounds.end();
    assert.ok(most <= 4, `${most} pods at once`);
    assert.ok(least >= 3, `only ${least} ready`);
    assert.ok((await pods(namespace)).every((pod) => pod.spec.containers[0]?.image === 'web:2'));
    await setImage(namespace, 'web:1');
    await rolledOut(namespace);
    const all = await sets(namespace);
    assert.equal(all.length, 2);
    const current = all.find((set) => set.spec.replicas === 3);
    assert.equal(current?.metadata.annotations?.[REVISION], '3');
    assert.equal(current?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1');
    assert.equal((await get(namespace)).metadata.annotations?.[REVISION], '3');
  });

  it('changes course in the middle of a rollout, and back, without losing a ready pod', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 4, spec: { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } });
    await rolledOut(namespace);
    const first = (await pods(namespace)).map((pod) => pod.metadata.uid).sort();
    const bounds = watchBounds(namespace);
    await setImage(namespace, 'web:2', { 'test/hold': '1' });
    await env.until('one new pod, that never gets ready', async () => (await sizes(namespace)).get('web:2') === 1);
    await setImage(namespace, 'web:3', { 'test/hold': '1' });
    await env.until('the next one in its place', async () => (await sizes(namespace)).get('web:3') === 1);
    assert.deepEqual([...(await sizes(namespace))].sort(), [
      ['web:1', 4],
      ['web:2', 0],
      ['web:3', 1],
    ]);
    await setImage(namespace, 'web:1', { 'test/hold': null });
    await rolledOut(namespace);
    assert.deepEqual(
      (await pods(namespace)).map((pod) => pod.metadata.uid).sort(),
      first,
      'the pods of the first revision',
    );
    assert.equal((await get(namespace)).metadata.annotations?.[REVISION], '4');
    const { most, least } = await bounds.end();
    assert.ok(most <= 5, `${most} pods at once`);
    assert.equal(least, 4);
  });

  it('shares a new size among the revisions in the middle of a rollout', async () => {
    const namespace = await env.namespace();
    await create(namespace, {
      replicas: 10,
      spec: { strategy: { rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } } },
    });
    await rolledOut(namespace);
    await setImage(namespace, 'web:2', { 'test/hold': '1' });
    await env.until('the surge', async () => (await sizes(namespace)).get('web:2') === 2);
    await patch(namespace, { spec: { replicas: 20 } });
    // 22 pods may be: 10 and 2 of 12 become 18 and 4 of 22.
    await env.until('the shares', async () => {
      const now = await sizes(namespace);
      return now.get('web:1') === 18 && now.get('web:2') === 4;
    });
    await patch(namespace, { spec: { replicas: 5 } });
    await env.until('smaller shares', async () => {
      const now = await sizes(namespace);
      return (now.get('web:1') ?? 0) + (now.get('web:2') ?? 0) === 7;
    });
  });

  it('stops in the middle of a rollout when paused, and goes on from there', async () => {
    const namespace = await env.namespace();
    await create(namespace, {
      replicas: 4,
      spec: { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '50%' } } },
    });
    await rolledOut(namespace);
    await setImage(namespace, 'web:2', { 'test/hold': '1' });
    await env.until('half of each', async () => {
      const now = await sizes(namespace);
      return now.get('web:1') === 2 && now.get('web:2') === 2;
    });
    await patch(namespace, { spec: { paused: true } });
    await env.until('the condition', async () => {
      const { reason, status } = condition(await get(namespace), 'Progressing') ?? {};
      return reason === 'DeploymentPaused' && status === 'Unknown';
    });
    for (const pod of await pods(namespace)) {
      if (pod.metadata.annotations?.['test/hold'] === undefined) continue;
      await env.client.patch(gvr.pods, namespace, pod.metadata.name!, MERGE, {
        metadata: { annotations: { 'test/hold': null } },
      });
    }
    await env.until('all are available', async () => (await get(namespace)).status?.availableReplicas === 4);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual([...(await sizes(namespace)).values()], [2, 2]);
    await patch(namespace, { spec: { paused: false, template: { metadata: { annotations: { 'test/hold': null } } } } });
    await rolledOut(namespace);
  });

  it('scales up and down', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 1 });
    await rolledOut(namespace);
    await patch(namespace, { spec: { replicas: 6 } });
    await rolledOut(namespace);
    assert.equal((await pods(namespace)).length, 6);
    await patch(namespace, { spec: { replicas: 0 } });
    await env.until('no pods', async () => (await pods(namespace)).length === 0);
    await rolledOut(namespace);
  });

  it('holds still while paused, but scales, and goes on when resumed', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 2 });
    await rolledOut(namespace);
    await patch(namespace, { spec: { paused: true, replicas: 3 } });
    await setImage(namespace, 'web:2');
    await env.until('three old pods', async () => (await pods(namespace)).length === 3);
    await env.until(
      'the condition',
      async () => condition(await get(namespace), 'Progressing')?.reason === 'DeploymentPaused',
    );
    assert.equal((await sets(namespace)).length, 1);
    await patch(namespace, { spec: { paused: false } });
    await rolledOut(namespace);
    assert.ok((await pods(namespace)).every((pod) => pod.spec.containers[0]?.image === 'web:2'));
  });

  it('recreates: the old pods are gone before the first new one comes', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 2, spec: { strategy: { type: 'Recreate' } } });
    await rolledOut(namespace);
    let mixed = false;
    const stop = new AbortController();
    const watching = (async () => {
      while (!stop.signal.aborted) {
        const images = new Set((await pods(namespace)).map((pod) => pod.spec.containers[0]?.image));
        mixed ||= images.size > 1;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await setImage(namespace, 'web:2');
    await rolledOut(namespace);
    stop.abort();
    await watching;
    assert.equal(mixed, false);
  });

  it('gives up after the deadline, says so, and recovers', async () => {
    const namespace = await env.namespace();
    await create(namespace, {
      replicas: 1,
      annotations: { 'test/hold': '1' },
      spec: { progressDeadlineSeconds: 1, minReadySeconds: 0 },
    });
    await env.until(
      'the deadline',
      async () => condition(await get(namespace), 'Progressing')?.reason === 'ProgressDeadlineExceeded',
    );
    await patch(namespace, { spec: { template: { metadata: { annotations: { 'test/hold': null } } } } });
    await rolledOut(namespace);
  });

  it('keeps as many old revisions as the limit says', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 1, spec: { revisionHistoryLimit: 1 } });
    for (const image of ['web:2', 'web:3', 'web:4']) {
      await rolledOut(namespace);
      await setImage(namespace, image);
    }
    await rolledOut(namespace);
    await env.until('two sets', async () => (await sets(namespace)).length === 2);
  });

  it('rolls back once to the revision that the deprecated annotation names', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 2 });
    await rolledOut(namespace);
    await setImage(namespace, 'web:2');
    await rolledOut(namespace);
    const wish = 'deprecated.deployment.rollback.to';
    await patch(namespace, { metadata: { annotations: { [wish]: '1' } } });
    await env.until('revision 3', async () => (await get(namespace)).metadata.annotations?.[REVISION] === '3');
    await rolledOut(namespace);
    const { metadata, spec } = await get(namespace);
    assert.equal(spec.template.spec!.containers[0]!.image, 'web:1');
    assert.equal(metadata.annotations?.[wish], undefined);
    assert.deepEqual([...(await sizes(namespace))].sort(), [
      ['web:1', 2],
      ['web:2', 0],
    ]);
  });

  it('waits minReadySeconds before it calls a pod available', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 1, spec: { minReadySeconds: 2 } });
    await env.until('a ready pod', async () => (await get(namespace)).status?.readyReplicas === 1);
    assert.equal((await get(namespace)).status?.availableReplicas ?? 0, 0);
    await rolledOut(namespace);
  });

  it('replaces a pod that is deleted, and adopts one that matches', async () => {
    const namespace = await env.namespace();
    await create(namespace, { replicas: 2 });
    await rolledOut(namespace);
    const [victim] = await pods(namespace);
    await env.client.delete(gvr.pods, namespace, victim!.metadata.name!);
    await env.until('a replacement', async () => {
      const all = await pods(namespace);
      return all.length === 2 && all.every((pod) => pod.metadata.uid !== victim!.metadata.uid);
    });
    const [set] = await sets(namespace);
    const [kept] = await pods(namespace);
    await env.client.patch(gvr.pods, namespace, kept!.metadata.name!, MERGE, {
      metadata: { labels: { app: 'other' } },
    });
    const released = await env.until('the release', async () => {
      const pod = await env.client.get(gvr.pods, namespace, kept!.metadata.name!);
      return (pod.metadata.ownerReferences ?? []).length === 0 && pod;
    });
    await env.client.patch(gvr.pods, namespace, released.metadata.name!, MERGE, {
      metadata: { labels: { app: 'web' } },
    });
    await env.until('two pods of the set', async () => {
      const all = await pods(namespace);
      return all.length === 2 && all.every((pod) => pod.metadata.ownerReferences?.[0]?.uid === set!.metadata.uid);
    });
  });
});
