import assert from 'node:assert/strict';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import { Informer } from '#client';
import { gvr, type Node, type Pod } from '#kinds';
import { buildPod, controllerContext, FakeClock, MemoryClient } from '#testing';
import { CONTROLLERS, startControllers } from './start-controllers.js';

const READY = '2029-12-31T00:00:00Z';
const UNREADY: Partial<Pod['status']> = { conditions: [{ type: 'Ready', status: 'False' }] };
/** Those that pods concern. The others would ask for objects that this world has not. */
const NAMES = [
  ...['deployment-controller', 'replicaset-controller', 'daemonset-controller', 'statefulset-controller'],
  ...['job-controller', 'endpointslice-controller', 'endpoints-controller', 'taint-eviction-controller'],
  ...['namespace-controller', 'persistentvolumeclaim-protection-controller'],
  ...['disruption-controller', 'replicationcontroller-controller'],
];

/** A namespace with a ReplicaSet of three pods behind a Service, and `others` more of everything. */
function populate(client: MemoryClient, others: number): void {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } };
  const put = (resource: GroupVersionResource, kind: string, name: string, more: object) =>
    client.put(resource, {
      apiVersion: 'v1',
      kind,
      metadata: { namespace: 'default', name, uid: `uid-${name}` },
      ...more,
    } as KubeObject);
  client.put(gvr.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'n' } });
  const set = (name: string, replicas: number) => {
    const labels = { app: name };
    put(gvr.replicasets, 'ReplicaSet', name, { spec: { replicas, selector: { matchLabels: labels }, template } });
    put(gvr.services, 'Service', `of-${name}`, {
      spec: { clusterIP: '10.1.0.1', selector: labels, ports: [{ port: 80 }] },
    });
    for (let i = 0; i < replicas; i += 1) {
      const pod = { name: `${name}-${i}`, labels, owner: { uid: `uid-${name}`, name }, node: 'n', readySince: READY };
      client.put(gvr.pods, buildPod({ ...pod, ip: `10.0.0.${i + 1}` }));
    }
  };
  const budget = (name: string) =>
    put(gvr.poddisruptionbudgets, 'PodDisruptionBudget', `of-${name}`, {
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: name } } },
    });
  set('web', 3);
  budget('web');
  for (let i = 0; i < others; i += 1) {
    set(`other-${i}`, 1);
    budget(`other-${i}`);
    client.put(gvr.pods, buildPod({ name: `bare-${i}`, labels: { app: 'bare' }, node: 'n', readySince: READY }));
    put(gvr.statefulsets, 'StatefulSet', `s-${i}`, {
      spec: { replicas: 0, selector: { matchLabels: { s: `${i}` } }, template },
    });
  }
}

/** What the control loops ask of the server, and how often they list an informer, when one pod of many is no longer ready. */
async function costOfOneEvent(others: number): Promise<{ calls: MemoryClient['calls']; scans: number }> {
  const client = new MemoryClient();
  const clock = new FakeClock();
  populate(client, others);
  const stop = new AbortController();
  const running = startControllers({
    ...controllerContext(client, { clock }),
    signal: stop.signal,
    names: NAMES,
    leaderElect: false,
  });
  await clock.advance(60_000);
  client.calls = {};
  const lists = jest.spyOn(Informer.prototype, 'list');
  try {
    const pod = await client.get<Pod>(gvr.pods, 'default', 'web-0');
    client.put(gvr.pods, { ...pod, status: { ...pod.status, ...UNREADY } } as Pod);
    await clock.advance(5_000);
    const { 'get pods': _own, ...calls } = client.calls;
    return { calls, scans: lists.mock.calls.length };
  } finally {
    lists.mockRestore();
    stop.abort();
    await running;
  }
}

describe('one event of a pod', () => {
  it('costs as many reads and writes, and no scan, whatever else the namespace holds', async () => {
    const small = await costOfOneEvent(1);
    assert.deepEqual(small.calls, {
      'update replicasets/status': 1,
      'update endpointslices': 1,
      'update endpoints': 1,
      'update poddisruptionbudgets/status': 1,
    });
    assert.equal(small.scans, 0);
    assert.deepEqual(await costOfOneEvent(200), small);
  });
});

/** One workload of each kind that makes pods, with what a server would have filled in. */
const WORKLOADS: [kind: string, of: GroupVersionResource, spec: (labels: Record<string, string>) => object][] = [
  ['ReplicationController', gvr.replicationcontrollers, (labels) => ({ replicas: 3, selector: labels })],
  ['ReplicaSet', gvr.replicasets, (labels) => ({ replicas: 3, selector: { matchLabels: labels } })],
  [
    'Deployment',
    gvr.deployments,
    (labels) => ({
      replicas: 3,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    }),
  ],
  [
    'StatefulSet',
    gvr.statefulsets,
    (labels) => ({
      replicas: 3,
      selector: { matchLabels: labels },
      serviceName: 'x',
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      revisionHistoryLimit: 10,
    }),
  ],
  [
    'DaemonSet',
    gvr.daemonsets,
    (labels) => ({
      selector: { matchLabels: labels },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      revisionHistoryLimit: 10,
    }),
  ],
  [
    'Job',
    gvr.jobs,
    (labels) => ({
      parallelism: 3,
      completions: 3,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      podReplacementPolicy: 'TerminatingOrFailed',
      selector: { matchLabels: labels },
    }),
  ],
];

/** A cluster with `count` workloads of one kind, whose pods are ready. */
class WorkloadWorld {
  readonly client = new MemoryClient();
  readonly clock = new FakeClock();
  readonly context = controllerContext(this.client, { clock: this.clock });
  private readonly stop = new AbortController();
  private running: Promise<unknown> | undefined;

  constructor([kind, of, specOf]: (typeof WORKLOADS)[number], count: number) {
    for (const name of ['n-0', 'n-1', 'n-2']) {
      this.client.put(gvr.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } });
    }
    for (let at = 0; at < count; at += 1) {
      const labels = { app: `w-${at}` };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'x' }] } };
      this.client.put(of, {
        apiVersion: of.group ? `${of.group}/${of.version}` : of.version,
        kind,
        metadata: { namespace: 'default', name: `w-${at}`, uid: `uid-w-${at}`, generation: 1 },
        spec: { ...specOf(labels), template },
      });
    }
  }

  async start(): Promise<void> {
    this.running = startControllers({ ...this.context, signal: this.stop.signal, names: NAMES, leaderElect: false });
    for (let round = 0; round < 4; round += 1) {
      await this.clock.advance(20_000);
      for (const pod of await this.pods()) this.run(pod);
    }
    await this.clock.advance(60_000);
    this.client.calls = {};
  }

  /** The end of a test. */
  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  async pods(): Promise<Pod[]> {
    return (await this.client.list<Pod>(gvr.pods)).items;
  }

  report(pod: Pod, status: Partial<Pod['status']>): void {
    this.client.put(gvr.pods, { ...pod, status: { ...pod.status, ...status } } as Pod);
  }

  private run(pod: Pod): void {
    if (pod.status?.phase === 'Running') return;
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: READY }];
    const status = { phase: 'Running', startTime: READY, podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], conditions };
    this.client.put(gvr.pods, { ...pod, spec: { ...pod.spec, nodeName: nodeOf(pod) }, status } as Pod);
  }
}

/** The node that a DaemonSet's pod is for; others get any. */
function nodeOf({ spec }: Pod): string {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms?.[0]?.matchFields?.[0]?.values?.[0] ?? 'n-0';
}

describe('one event of a pod of', () => {
  const expected: Record<string, Record<string, number>> = {
    ReplicationController: { 'update replicationcontrollers/status': 1 },
    ReplicaSet: { 'update replicasets/status': 1 },
    Deployment: { 'update replicasets/status': 1, 'update deployments/status': 1 },
    StatefulSet: { 'update statefulsets/status': 1 },
    DaemonSet: { 'update daemonsets/status': 1 },
    Job: { 'update jobs/status': 1 },
  };

  const cost = async (workload: (typeof WORKLOADS)[number], count: number) => {
    const world = new WorkloadWorld(workload, count);
    await world.start();
    const pods = await world.pods();
    assert.equal(pods.length, count * 3);
    const pod = pods.find(({ metadata }) => metadata.labels!['app'] === 'w-0')!;
    world.client.calls = {};
    const scans = jest.spyOn(Informer.prototype, 'list');
    try {
      world.report(pod, UNREADY);
      await world.clock.advance(5_000);
      const { 'get pods': _own, ...calls } = world.client.calls;
      const scanned = scans.mock.contexts.map((informer) => (informer as Informer).gvr.resource);
      return { calls, scanned };
    } finally {
      scans.mockRestore();
      await world.close();
    }
  };

  for (const workload of WORKLOADS) {
    const [kind] = workload;
    it(`a ${kind} costs the same whatever else the namespace holds`, async () => {
      const alone = await cost(workload, 1);
      assert.deepEqual(alone.calls, expected[kind]);
      // A DaemonSet is placed on all nodes: those it must know, now and after its own write.
      assert.deepEqual(alone.scanned, kind === 'DaemonSet' ? ['nodes', 'nodes'] : []);
      assert.deepEqual(await cost(workload, 60), alone);
    });
  }
});

describe('the lifecycle of nodes', () => {
  const NODE_LIFECYCLE = 'node-lifecycle-controller';
  const report = (name: string, status: string): Node => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name },
    spec: {},
    status: { conditions: [{ type: 'Ready', status }] },
  });
  const renew = (client: MemoryClient, name: string, at: number) =>
    client.put(gvr.leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'kube-node-lease', name, uid: `lease-${name}` },
      spec: { renewTime: new Date(at).toISOString() },
    });

  /** Looks at nodes, calls and scans: while all live, and when one of them says that it is not ready. */
  const cost = async (count: number) => {
    const client = new MemoryClient();
    const clock = new FakeClock();
    const context = controllerContext(client, { clock });
    const names = Array.from({ length: count }, (_, at) => `n-${at}`);
    for (const name of names) client.put(gvr.nodes, report(name, 'True'));
    const stop = new AbortController();
    const running = startControllers({ ...context, signal: stop.signal, names: [NODE_LIFECYCLE], leaderElect: false });
    const looks = async () => {
      const adds = /^workqueue_adds_total\{name="node-lifecycle-controller"\} (\d+)/m;
      return Number(adds.exec(await context.metrics.render())![1]);
    };
    await clock.advance(1_000);
    client.calls = {};
    const lists = jest.spyOn(Informer.prototype, 'list');
    try {
      const before = await looks();
      for (let round = 0; round < 4; round += 1) {
        for (const name of names) renew(client, name, clock.now());
        await clock.advance(10_000);
      }
      const quiet = { looks: (await looks()) - before, calls: client.calls };
      client.calls = {};
      client.put(gvr.nodes, report('n-0', 'False'));
      await clock.advance(1_000);
      const change = { looks: (await looks()) - before - quiet.looks, calls: client.calls };
      return { quiet, change, scans: lists.mock.calls.length };
    } finally {
      lists.mockRestore();
      stop.abort();
      await running;
    }
  };

  it('looks at no node while all renew their Leases, and only at the one that changes', async () => {
    const few = await cost(3);
    assert.deepEqual(few.quiet, { looks: 0, calls: {} });
    assert.equal(few.scans, 0);
    assert.ok(few.change.looks <= 4, `${few.change.looks}`);
    // Both of its taints.
    assert.equal(few.change.calls['update nodes'], 1);
    assert.deepEqual(await cost(300), few);
  });
});

describe('every controller', () => {
  it('has the name that it is listed by', () => {
    const context = controllerContext(new MemoryClient(), { clock: new FakeClock() });
    for (const [name, make] of Object.entries(CONTROLLERS)) assert.equal(make!(context).name, name);
  });
});
