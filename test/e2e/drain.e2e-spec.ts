import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing } from './cluster.js';

const REPLICAS = 4;

const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: REPLICAS,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'main', image: 'web:1' }],
        topologySpreadConstraints: [
          {
            ...{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
            labelSelector: { matchLabels: { app: 'web' } },
          },
        ],
      },
    },
  },
};

const budget = (minAvailable: number) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'web' },
  spec: { minAvailable, selector: { matchLabels: { app: 'web' } } },
});

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { conditions?: { type: string; status: string }[] };
}

/** Two nodes that run nothing: what is tested is the way of a pod from one to the other. */
describeUnless(clusterMissing(), 'kubectl drain of one of two nodes', () => {
  let cluster: Cluster;
  let nodes: ChildProcess;

  const kubectl = (...args: string[]) => ['kubectl', `--kubeconfig=${cluster.kubeconfig}`, ...args];
  const apply = (object: object) => cluster.ok(kubectl('apply', '-f', '-'), { input: JSON.stringify(object) });
  const pods = async (): Promise<Pod[]> => JSON.parse(await cluster.ok(kubectl('get', 'pods', '-o', 'json'))).items;
  const isReady = ({ metadata, status }: Pod) =>
    !metadata.deletionTimestamp && status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  const drain = (...more: string[]) => cluster.run(kubectl('drain', 'hollow-0', ...more));

  async function until<T>(what: string, read: () => Promise<T>, holds: (value: T) => unknown): Promise<T> {
    for (const end = Date.now() + 120_000; ; await sleep(300)) {
      const value = await read();
      if (holds(value)) return value;
      assert.ok(Date.now() < end, `${what}: ${JSON.stringify(value)}`);
    }
  }

  beforeAll(async () => {
    cluster = new Cluster('drain');
    await cluster.up('--no-node');
    nodes = cluster.spawn(cluster.berth('hollow-node', '--count=2', `--kubeconfig=${cluster.kubeconfig}`));
    nodes.stdout!.resume();
    nodes.stderr!.resume();
    const names = () => cluster.ok(kubectl('get', 'nodes', '-o', 'name'));
    await until('two nodes', names, (list) => list.trim().split('\n').length === 2);
    await cluster.ok(kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'node', '--all'));
    await apply(DEPLOYMENT);
    const spread = await until('ready pods', pods, (all) => all.filter(isReady).length === REPLICAS);
    assert.deepEqual(new Set(spread.map(({ spec }) => spec.nodeName)), new Set(['hollow-0', 'hollow-1']));
  });

  afterAll(async () => {
    if (nodes?.exitCode === null) {
      const ended = once(nodes, 'exit');
      nodes.kill('SIGTERM');
      await ended;
    }
    await cluster.close();
  });

  test('a budget that allows nothing holds all pods where they are', async () => {
    await apply(budget(REPLICAS));
    const status = () => cluster.ok(kubectl('get', 'pdb', 'web', '-o', 'jsonpath={.status.currentHealthy}'));
    await until('the budget', status, (healthy) => healthy === String(REPLICAS));
    const before = (await pods()).map(({ metadata }) => metadata.name);
    const refused = await drain('--timeout=5s');
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /Cannot evict pod as it would violate the pod's disruption budget/);
    const after = await pods();
    assert.deepEqual(after.map(({ metadata }) => metadata.name).sort(), before.sort());
    assert.equal(after.filter(isReady).length, REPLICAS);
  });

  test('a budget that allows one lets them go one by one, and they run on the other node', async () => {
    await apply(budget(REPLICAS - 1));
    const watching = new AbortController();
    let least = REPLICAS;
    const watch = (async () => {
      for (; !watching.signal.aborted; await sleep(100)) {
        least = Math.min(least, (await pods()).filter(isReady).length);
      }
    })();
    const drained = await drain('--timeout=100s');
    assert.equal(drained.code, 0, drained.stderr);
    assert.match(drained.stdout, /node\/hollow-0 drained/);
    watching.abort();
    await watch;
    assert.ok(least >= REPLICAS - 1, `${least} pods were ready`);
    const moved = await until('moved pods', pods, (all) => all.length === REPLICAS && all.every(isReady));
    assert.deepEqual(new Set(moved.map(({ spec }) => spec.nodeName)), new Set(['hollow-1']));
  });

  test('the node takes pods again when it is uncordoned', async () => {
    await cluster.ok(kubectl('uncordon', 'hollow-0'));
    await cluster.ok(kubectl('scale', 'deployment/web', `--replicas=${2 * REPLICAS}`));
    const all = await until('more pods', pods, (found) => found.filter(isReady).length === 2 * REPLICAS);
    assert.ok(all.some(({ spec }) => spec.nodeName === 'hollow-0'));
  });
});
