import assert from 'node:assert/strict';
import { type KubeObject, StatusError } from '#apimachinery';
import { gvr, type Pod, type PodDisruptionBudget } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true });
});
afterAll(() => env.close());

const template = (app: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'main', image: 'x' }] },
});
const createBudget = (ns: string, spec: PodDisruptionBudget['spec'], name = 'web') =>
  env.client.create<KubeObject>(gvr.poddisruptionbudgets, ns, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  });
const createWorkload = (ns: string, kind: 'Deployment' | 'StatefulSet' | 'ReplicationController', replicas: number) => {
  const resource = {
    Deployment: gvr.deployments,
    StatefulSet: gvr.statefulsets,
    ReplicationController: gvr.replicationcontrollers,
  };
  const apiVersion = kind === 'ReplicationController' ? 'v1' : 'apps/v1';
  const selector = kind === 'ReplicationController' ? { app: 'web' } : { matchLabels: { app: 'web' } };
  return env.client.create<KubeObject>(resource[kind], ns, {
    apiVersion,
    kind,
    metadata: { name: 'web' },
    spec: { replicas, selector, template: template('web') },
  });
};
const counts = async (ns: string, name = 'web') => {
  const { metadata, status } = await env.client.get<PodDisruptionBudget>(gvr.poddisruptionbudgets, ns, name);
  if (status?.observedGeneration !== metadata.generation) return '';
  return [status?.currentHealthy, status?.desiredHealthy, status?.disruptionsAllowed, status?.expectedPods].join();
};
const eventOf = async (ns: string, reason: string) => {
  const { items } = await env.client.list<KubeObject>(gvr.events, { namespace: ns });
  return items.find((event) => event['reason'] === reason);
};
const evict = (ns: string, name: string) =>
  env.client.create<KubeObject>(
    gvr.pods,
    ns,
    { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } },
    { name, subresource: 'eviction' },
  );

describe('PodDisruptionBudget', () => {
  for (const kind of ['Deployment', 'StatefulSet', 'ReplicationController'] as const) {
    it(`counts from the scale of a ${kind}`, async () => {
      const ns = await env.namespace();
      await createWorkload(ns, kind, 4);
      await createBudget(ns, { maxUnavailable: '25%' });
      await env.until('four healthy pods', async () => (await counts(ns)) === '4,3,1,4');
      await env.client.patch(gvr.poddisruptionbudgets, ns, 'web', MERGE, {
        spec: { maxUnavailable: null, minAvailable: '50%' },
      });
      await env.until('the other rule', async () => (await counts(ns)) === '4,2,2,4');
    });
  }

  it('lets a drain move all pods, as many at a time as it allows', async () => {
    const ns = await env.namespace();
    await createWorkload(ns, 'Deployment', 4);
    await createBudget(ns, { minAvailable: 3 });
    await env.until('four healthy pods', async () => (await counts(ns)) === '4,3,1,4');
    const { items } = await env.client.list<Pod>(gvr.pods, { namespace: ns });
    let refusals = 0;
    let fewest = 4;
    for (const { metadata } of items) {
      await env.until(`the eviction of ${metadata.name}`, async () => {
        const pods = (await env.client.list<Pod>(gvr.pods, { namespace: ns })).items;
        const healthy = pods.filter(
          (pod) =>
            !pod.metadata.deletionTimestamp &&
            pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
        );
        fewest = Math.min(fewest, healthy.length);
        try {
          await evict(ns, metadata.name!);
          return true;
        } catch (error) {
          if (!(error instanceof StatusError) || error.code !== 429) throw error;
          refusals += 1;
          return false;
        }
      });
    }
    assert.ok(refusals > 0, 'the budget refused nothing');
    assert.ok(fewest >= 3, `only ${fewest} pods were healthy`);
    await env.until('as many healthy pods as before', async () => (await counts(ns)) === '4,3,1,4');
  });

  it('says what it selects: nothing, pods without controller, pods whose controller has no scale', async () => {
    const ns = await env.namespace();
    await createBudget(ns, { maxUnavailable: 1 });
    const none = await env.until('the event', () => eventOf(ns, 'NoPods'));
    assert.deepEqual([none['type'], none['message']], ['Normal', 'No matching pods found']);
    assert.equal(none['source'].component, 'controllermanager');
    await env.client.create<KubeObject>(gvr.pods, ns, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bare', labels: { app: 'web' } },
      spec: { containers: [{ name: 'main', image: 'x' }] },
    });
    const bare = await env.until('the event', () => eventOf(ns, 'UnmanagedPods'));
    assert.match(
      bare['message'],
      /^Pods selected by this PodDisruptionBudget \(selector: &LabelSelector\{MatchLabels:map\[string\]string\{app: web,\},/,
    );
    await env.until('a count without them', async () => (await counts(ns)) === '1,0,0,0');
    await env.client.create<KubeObject>(gvr.jobs, ns, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'job' },
      spec: {
        template: { ...template('web'), spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    const failed = await env.until('the event', () => eventOf(ns, 'CalculateExpectedPodCountFailed'));
    assert.equal(
      failed['message'],
      'Failed to calculate the number of expected pods: jobs.batch does not implement the scale subresource',
    );
  });

  it('tells a pod that several budgets select', async () => {
    const ns = await env.namespace();
    await createBudget(ns, { minAvailable: 1 }, 'one');
    await createBudget(ns, { minAvailable: 1 }, 'two');
    await createWorkload(ns, 'Deployment', 1);
    const event = await env.until('the event', () => eventOf(ns, 'MultiplePodDisruptionBudgets'));
    assert.match(
      event['message'],
      /^Pod ".+"\/"web-.+" matches multiple PodDisruptionBudgets\. {2}Chose "(one|two)" arbitrarily\.$/,
    );
  });

  it('takes back the word of a pod that is not disrupted after all', async () => {
    const ns = await env.namespace();
    await createWorkload(ns, 'Deployment', 1);
    const pod = await env.until('the pod', async () => {
      const { items } = await env.client.list<Pod>(gvr.pods, { namespace: ns });
      return items.find(({ status }) => status?.phase === 'Running');
    });
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: 'soon' };
    const lastTransitionTime = new Date(Date.now() - 119_000).toISOString().replace(/\.\d+/, '');
    await env.client.patch(
      gvr.pods,
      ns,
      pod.metadata.name!,
      'application/strategic-merge-patch+json',
      { status: { conditions: [{ ...condition, lastTransitionTime }] } },
      { subresource: 'status' },
    );
    const told = await env.until('the condition', async () => {
      const { status } = await env.client.get<Pod>(gvr.pods, ns, pod.metadata.name!);
      const found = status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
      return found?.status === 'False' && found;
    });
    assert.deepEqual([told.reason, told.message], [undefined, undefined]);
  });
});
