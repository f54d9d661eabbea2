import assert from 'node:assert/strict';
import { type KubeObject, StatusError } from '#apimachinery';
import type { Client } from '#client';
import { startControllers } from '#controllers';
import { gvr, type PodDisruptionBudget } from '#kinds';
import { controllerContext, type TestServer, testServer } from '#testing';

const MERGE = 'application/merge-patch+json';
const VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget.";

describe('evictions', () => {
  let server: TestServer;
  let client: Client;
  let counting: Promise<unknown>;
  const stop = new AbortController();

  beforeAll(async () => {
    server = await testServer();
    client = server.client();
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await client.create(gvr.serviceaccounts, 'default', account);
    // No other controller: pods here belong to workloads that must not make more of them.
    counting = startControllers({
      ...controllerContext(client, { clientFor: (identity) => server.client(identity), resources: server.catalog }),
      signal: stop.signal,
      names: ['disruption-controller'],
      leaderElect: false,
    });
  });
  afterAll(async () => {
    stop.abort();
    await counting;
    await server.close();
  });

  async function pod(name: string, app: string, ready = true, owner?: KubeObject, phase = 'Running'): Promise<void> {
    const ownerReferences = owner && [
      {
        apiVersion: owner.apiVersion,
        kind: owner.kind,
        name: owner.metadata.name,
        uid: owner.metadata.uid,
        controller: true,
      },
    ];
    await client.create(gvr.pods, 'default', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app }, ownerReferences } as never,
      spec: { nodeName: 'somewhere', containers: [{ name: 'c', image: 'i' }] },
    });
    const status = { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] };
    await client.patch(gvr.pods, 'default', name, MERGE, { status }, { subresource: 'status' });
  }

  async function budget(name: string, app: string, spec: object): Promise<KubeObject> {
    return client.create(gvr.poddisruptionbudgets, 'default', {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name },
      spec: { selector: { matchLabels: { app } }, ...spec },
    });
  }

  /** Waits until the budget's status says so many healthy, wanted, allowed and expected pods. */
  async function counted(name: string, ...expected: number[]): Promise<void> {
    const end = Date.now() + 10_000;
    for (;;) {
      const { metadata, status } = await client.get<PodDisruptionBudget>(gvr.poddisruptionbudgets, 'default', name);
      const counts = [status?.currentHealthy, status?.desiredHealthy, status?.disruptionsAllowed, status?.expectedPods];
      const done = status?.observedGeneration === metadata.generation && counts.join() === expected.join();
      if (done) return;
      if (Date.now() > end) assert.deepEqual(counts, expected, name);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async function controller(kind: 'Deployment' | 'ReplicaSet', name: string, replicas: number, owner?: KubeObject) {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const ownerReferences = owner && [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: owner.metadata.name,
        uid: owner.metadata.uid,
        controller: true,
      },
    ];
    return client.create(kind === 'Deployment' ? gvr.deployments : gvr.replicasets, 'default', {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name, ownerReferences } as never,
      spec: { replicas, selector: { matchLabels: labels }, template },
    });
  }

  function evict(name: string, deleteOptions?: object, dryRun = false): Promise<KubeObject> {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, deleteOptions };
    return client.create(gvr.pods, 'default', eviction, { name, subresource: 'eviction', dryRun });
  }

  async function refused(work: Promise<unknown>): Promise<StatusError> {
    const error = await work.then(
      () => undefined,
      (error) => error,
    );
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }

  async function until<T>(what: string, condition: () => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + 10_000;
    for (;;) {
      const value = await condition();
      if (value !== undefined) return value;
      if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async function isGoing(name: string): Promise<boolean> {
    return (await client.get(gvr.pods, 'default', name)).metadata.deletionTimestamp !== undefined;
  }

  test('go on while the pods that are left suffice, and then stop', async () => {
    await budget('min', 'min', { minAvailable: 1 });
    await pod('min-1', 'min');
    await pod('min-2', 'min');
    await counted('min', 2, 1, 1, 2);
    await evict('min-1');
    const going = await client.get(gvr.pods, 'default', 'min-1');
    assert.ok(going.metadata.deletionTimestamp);
    const target = going['status'].conditions.find(({ type }: any) => type === 'DisruptionTarget');
    assert.deepEqual(
      [target.status, target.reason, target.message],
      ['True', 'EvictionByEvictionAPI', 'Eviction API: evicting'],
    );
    await counted('min', 1, 1, 0, 2);
    const error = await refused(evict('min-2'));
    assert.equal(error.code, 429);
    assert.equal(error.message, VIOLATION);
    assert.deepEqual(error.status.details?.causes, [
      { reason: 'DisruptionBudget', message: 'The disruption budget min needs 1 healthy pods and has 1 currently' },
    ]);
    assert.equal(await isGoing('min-2'), false);
  });

  test('of two at a time only as many as the budget allows get through', async () => {
    await budget('crowd', 'crowd', { minAvailable: 4 });
    const names = Array.from({ length: 6 }, (_, i) => `crowd-${i}`);
    for (const name of names) await pod(name, 'crowd');
    await counted('crowd', 6, 4, 2, 6);
    const outcomes = await Promise.allSettled(names.map((name) => evict(name)));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 2);
    const going = await Promise.all(names.map(isGoing));
    assert.equal(going.filter(Boolean).length, 2);
  });

  test('percentages are of what the Deployment above the ReplicaSet wants', async () => {
    const deployment = await controller('Deployment', 'scaled', 4);
    const set = await controller('ReplicaSet', 'scaled-1', 2, deployment);
    await budget('scaled', 'scaled', { maxUnavailable: '50%' });
    for (const i of [1, 2, 3]) await pod(`scaled-p${i}`, 'scaled', true, set);
    await counted('scaled', 3, 2, 1, 4);
    await evict('scaled-p1');
    await counted('scaled', 2, 2, 0, 4);
    const error = await refused(evict('scaled-p2'));
    assert.equal(
      error.status.details?.causes?.[0]?.message,
      'The disruption budget scaled needs 2 healthy pods and has 2 currently',
    );
  });

  test('of pods that nobody has counted, or can count, are refused', async () => {
    const job = await client.create(gvr.jobs, 'default', {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'unscaled' },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
    });
    await pod('unscaled-1', 'unscaled', true, job);
    await budget('unscaled', 'unscaled', { maxUnavailable: 1 });
    const current = await until('the condition', async () => {
      const found = await client.get<PodDisruptionBudget>(gvr.poddisruptionbudgets, 'default', 'unscaled');
      return found.status?.conditions?.[0]?.reason === 'SyncFailed' ? found : undefined;
    });
    const error = await refused(evict('unscaled-1'));
    assert.equal(error.code, 429);
    assert.equal(error.status.details?.retryAfterSeconds, 10);
    assert.equal(
      error.status.details?.causes?.[0]?.message,
      'The disruption budget unscaled is still being processed by the server.',
    );
    // A status that was kept once and fails now is believed as far as it goes.
    const status = { ...current.status, observedGeneration: current.metadata.generation };
    await client.patch(gvr.poddisruptionbudgets, 'default', 'unscaled', MERGE, { status }, { subresource: 'status' });
    assert.equal(
      (await refused(evict('unscaled-1'))).status.details?.causes?.[0]?.message,
      'The disruption budget unscaled does not allow evicting pods currently because it failed sync: jobs.batch does not implement the scale subresource',
    );
  });

  test('of unhealthy pods go by the policy', async () => {
    await budget('ill', 'ill', { minAvailable: 2 });
    await pod('ill-1', 'ill');
    await pod('ill-2', 'ill', false);
    await counted('ill', 1, 2, 0, 2);
    assert.equal((await refused(evict('ill-2'))).code, 429);
    await pod('ill-3', 'ill');
    await counted('ill', 2, 2, 0, 3);
    await evict('ill-2');
    assert.equal(await isGoing('ill-2'), true);

    await budget('always', 'always', { minAvailable: 5, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    await pod('always-1', 'always', false);
    await pod('always-2', 'always');
    await counted('always', 1, 5, 0, 2);
    await evict('always-1');
    assert.equal((await refused(evict('always-2'))).code, 429);
  });

  test('of pods that are pending or ended ask no budget', async () => {
    await budget('still', 'still', { minAvailable: 9 });
    for (const phase of ['Pending', 'Succeeded', 'Failed']) {
      await pod(`still-${phase.toLowerCase()}`, 'still', false, undefined, phase);
      await evict(`still-${phase.toLowerCase()}`);
    }
  });

  test('two budgets over one pod are a failure of the server', async () => {
    await budget('one', 'twice', { minAvailable: 0 });
    await budget('two', 'twice', { minAvailable: 0 });
    await pod('twice-1', 'twice');
    const error = await refused(evict('twice-1'));
    assert.equal(error.code, 500);
    assert.equal(
      error.message,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  });

  test('preconditions come before the budget, and a dry run takes nothing from it', async () => {
    await budget('asked', 'asked', { minAvailable: 1 });
    await pod('asked-1', 'asked');
    await pod('asked-2', 'asked');
    await counted('asked', 2, 1, 1, 2);
    const { metadata } = await client.get(gvr.pods, 'default', 'asked-1');
    const operation = 'Operation cannot be fulfilled on Pod "asked-1": the';
    for (const [preconditions, told] of [
      [
        { uid: 'another' },
        `${operation} UID in the precondition (another) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
      ],
      [
        { resourceVersion: '1' },
        `${operation} ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
      ],
    ] as const) {
      const error = await refused(evict('asked-1', { preconditions }));
      assert.deepEqual([error.code, error.message], [409, told]);
    }
    const { code, message } = await refused(evict('asked-1', { dryRun: ['Some'] }, true));
    assert.deepEqual([code, message], [500, 'Non-matching dry-run options in request and content: [All] and [Some]']);
    await evict('asked-1', undefined, true);
    await evict('asked-1', { dryRun: ['All'] });
    const now = await client.get(gvr.poddisruptionbudgets, 'default', 'asked');
    assert.equal(now['status'].disruptedPods, undefined);
    assert.equal(now['status'].disruptionsAllowed, 1);
    const { uid, resourceVersion } = (await client.get(gvr.pods, 'default', 'asked-1')).metadata;
    await evict('asked-1', { preconditions: { uid, resourceVersion } });
    assert.equal(await isGoing('asked-1'), true);
  });

  test('a pod that was evicted counts for nothing while it is still there, and the next one counts again', async () => {
    await budget('kept', 'kept', { minAvailable: 1 });
    await pod('kept-1', 'kept');
    await pod('kept-2', 'kept');
    await counted('kept', 2, 1, 1, 2);
    await evict('kept-1');
    // It is marked as going in the same write set: the controller forgets it when it sees that.
    await counted('kept', 1, 1, 0, 2);
    await pod('kept-3', 'kept');
    await counted('kept', 2, 1, 1, 3);
    const { status } = await client.get<PodDisruptionBudget>(gvr.poddisruptionbudgets, 'default', 'kept');
    assert.equal(status?.disruptedPods, undefined);
    await evict('kept-2');
  });
});
