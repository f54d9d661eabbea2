import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { conflict, type KubeObject, notFound, type WatchEvent } from '#apimachinery';
import { type Client, realClock, SharedInformers, silentLogger } from '#client';
import { MetricsRegistry, noTracer } from '#telemetry';
import { startScheduler } from './start-scheduler.js';

type Watcher = (event: WatchEvent) => void;

/** The parts of the API that the scheduler uses, in memory. */
class MemoryApi {
  readonly objects = new Map<string, KubeObject>();
  readonly events: KubeObject[] = [];
  readonly #watchers = new Set<{ resource: string; notify: Watcher }>();
  #revision = 1;
  /** Called before a binding is written. */
  onBinding: (name: string, node: string) => void = () => {};

  put(resource: string, object: any): void {
    const key = `${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    const type = this.objects.has(key) ? 'MODIFIED' : 'ADDED';
    const metadata = { ...object.metadata, resourceVersion: String(++this.#revision) };
    metadata.uid ??= `uid-${this.#revision}`;
    const stored = { ...object, metadata };
    this.objects.set(key, stored);
    this.#notify(resource, { type, object: stored });
  }

  remove(resource: string, namespace: string, name: string): void {
    const key = `${resource}/${namespace}/${name}`;
    const object = this.objects.get(key)!;
    this.objects.delete(key);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#revision) };
    this.#notify(resource, { type: 'DELETED', object: { ...object, metadata } });
  }

  pod(name: string): any {
    return this.objects.get(`pods/default/${name}`);
  }

  #notify(resource: string, event: WatchEvent): void {
    for (const watcher of this.#watchers) if (watcher.resource === resource) watcher.notify(event);
  }

  async *#watch(resource: string, since: number, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const queue: WatchEvent[] = [];
    for (const [key, object] of this.objects) {
      const newer = Number(object.metadata.resourceVersion) > since;
      if (key.startsWith(`${resource}/`) && newer) queue.push({ type: 'ADDED', object });
    }
    let wake = () => {};
    const notify = (event: WatchEvent) => {
      queue.push(event);
      wake();
    };
    const watcher = { resource, notify };
    this.#watchers.add(watcher);
    signal.addEventListener('abort', () => wake(), { once: true });
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  readonly client = {
    list: async ({ resource }: { resource: string }) => ({
      apiVersion: 'v1',
      kind: 'List',
      metadata: { resourceVersion: String(this.#revision) },
      items: [...this.objects].filter(([key]) => key.startsWith(`${resource}/`)).map(([, object]) => object),
    }),
    watch: ({ resource }: { resource: string }, options: any) =>
      this.#watch(resource, Number(options.resourceVersion), options.signal),
    create: async ({ resource }: { resource: string }, namespace: string, object: any, options: any = {}) => {
      if (resource === 'events') {
        this.events.push(object);
        return object;
      }
      assert.equal(options.subresource, 'binding');
      await new Promise((resolve) => setImmediate(resolve));
      this.onBinding(options.name, object.target.name);
      const pod = this.pod(options.name);
      if (!pod) throw notFound({ group: '', resource: 'pods' }, options.name);
      if (pod.spec.nodeName) throw conflict({ group: '', resource: 'pods/binding' }, options.name, 'already assigned');
      assert.deepEqual(
        { namespace, uid: object.metadata.uid, kind: object.target.kind },
        { namespace: 'default', uid: pod.metadata.uid, kind: 'Node' },
      );
      this.put('pods', { ...pod, spec: { ...pod.spec, nodeName: object.target.name } });
      return object;
    },
    patch: async (gvr: any, _namespace: string, name: string, type: string, patch: any, options: any = {}) => {
      if (gvr.resource === 'events') return;
      assert.deepEqual([type, options.subresource], ['application/strategic-merge-patch+json', 'status']);
      const pod = this.pod(name);
      assert.equal(patch.metadata.uid, pod.metadata.uid);
      this.put('pods', { ...pod, status: { ...pod.status, ...patch.status } });
    },
    delete: async ({ resource }: { resource: string }, namespace: string, name: string, options: any) => {
      assert.equal(options.preconditions.uid, this.pod(name).metadata.uid);
      this.remove(resource, namespace, name);
    },
  } as unknown as Client;
}

function node(name: string, changes: { cpu?: string; pods?: string; taints?: object[]; labels?: object } = {}) {
  const { cpu = '4', pods = '110', taints, labels } = changes;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { taints },
    status: { allocatable: { cpu, memory: '8Gi', pods } },
  };
}

function pod(name: string, cpu = '1', spec: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', generation: 1 },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'main', image: 'x', resources: { requests: { cpu } } }],
      ...spec,
    },
    status: { phase: 'Pending' },
  };
}

async function eventually(what: string, check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`did not happen: ${what}`);
}

describe('scheduler', () => {
  let api: MemoryApi;
  let abort: AbortController;
  let metrics: MetricsRegistry;
  let running: Promise<boolean>;

  const nodeOf = (name: string): string | undefined => api.pod(name)?.spec.nodeName;
  const condition = (name: string) => api.pod(name)?.status.conditions?.[0];

  beforeEach(() => {
    api = new MemoryApi();
    abort = new AbortController();
    metrics = new MetricsRegistry();
    const { client } = api;
    running = startScheduler({
      client,
      informers: new SharedInformers(client, { logger: silentLogger }),
      clock: realClock,
      random: Math.random,
      logger: silentLogger,
      metrics,
      tracer: noTracer,
      signal: abort.signal,
      seed: 1,
      leaderElect: false,
    });
  });

  afterEach(async () => {
    abort.abort();
    await running;
  });

  it('counts attempts, what came of them, and what waits', async () => {
    const value = (name: string, label: string) =>
      metrics.samples().find(({ metricName, labels }) => metricName === name && Object.values(labels).includes(label))
        ?.value;
    api.put('nodes', node('a'));
    api.put('pods', pod('x'));
    api.put('pods', pod('huge', '1000'));
    await eventually('one is bound', () => nodeOf('x') === 'a');
    await eventually('one is not', () => value('scheduler_schedule_attempts_total', 'unschedulable') === 1);
    await eventually('the binding is counted', () => value('scheduler_schedule_attempts_total', 'scheduled') === 1);
    assert.equal(value('scheduler_pending_pods', 'unschedulable'), 1);
    assert.equal(value('scheduler_pod_scheduling_sli_duration_seconds_count', '1'), 1);
    abort.abort();
    await running;
    assert.equal(value('scheduler_pending_pods', 'unschedulable'), 0);
  });

  it('binds pods and says so', async () => {
    api.put('nodes', node('a'));
    api.put('pods', pod('x'));
    await eventually('bound', () => nodeOf('x') === 'a');
    await eventually('event', () => api.events.length === 1);
    const { eventTime: _, metadata, reportingInstance, ...event } = api.events[0]!;
    assert.match(metadata.name!, /^x\.[0-9a-f]+$/);
    assert.match(reportingInstance, /^default-scheduler-/);
    assert.deepEqual(event, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      reportingController: 'default-scheduler',
      action: 'Binding',
      reason: 'Scheduled',
      regarding: {
        apiVersion: 'v1',
        kind: 'Pod',
        name: 'x',
        namespace: 'default',
        uid: api.pod('x').metadata.uid,
        resourceVersion: event['regarding'].resourceVersion,
      },
      note: 'Successfully assigned default/x to a',
      type: 'Normal',
    });
  });

  it('fills nodes and no further, and goes on when a node comes', async () => {
    api.put('nodes', node('a'));
    api.put('nodes', node('b'));
    for (let i = 0; i < 10; i++) api.put('pods', pod(`p${i}`));
    const bound = () => Array.from({ length: 10 }, (_, i) => nodeOf(`p${i}`)).filter(Boolean);
    await eventually('eight bound', () => bound().length === 8);
    assert.deepEqual(
      [bound().filter((name) => name === 'a').length, bound().filter((name) => name === 'b').length],
      [4, 4],
    );
    const waiting = Array.from({ length: 10 }, (_, i) => `p${i}`).find((name) => !nodeOf(name))!;
    await eventually('condition', () => condition(waiting) !== undefined);
    const { lastTransitionTime: _, ...rest } = condition(waiting);
    assert.deepEqual(rest, {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message:
        '0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: ' +
        '2 No preemption victims found for incoming pod.',
      lastProbeTime: null,
      observedGeneration: 1,
    });
    const failed = api.events.find(({ reason }) => reason === 'FailedScheduling')!;
    assert.deepEqual([failed['note'], failed['type'], failed['action']], [rest.message, 'Warning', 'Scheduling']);
    api.put('nodes', node('c'));
    await eventually('all bound', () => bound().length === 10);
  });

  it('goes on when a pod ends or is deleted', async () => {
    api.put('nodes', node('a', { cpu: '1' }));
    api.put('pods', pod('first'));
    await eventually('first', () => nodeOf('first') === 'a');
    api.put('pods', pod('second'));
    await eventually('second waits', () => condition('second') !== undefined);
    api.put('pods', { ...api.pod('first'), status: { phase: 'Succeeded' } });
    await eventually('second', () => nodeOf('second') === 'a');
    api.put('pods', pod('third'));
    await eventually('third waits', () => condition('third') !== undefined);
    api.remove('pods', 'default', 'second');
    await eventually('third', () => nodeOf('third') === 'a');
  });

  it('waits for a taint to go', async () => {
    api.put('nodes', node('a', { taints: [{ key: 'k', effect: 'NoSchedule' }] }));
    api.put('pods', pod('x'));
    await eventually('condition', () => condition('x') !== undefined);
    assert.equal(
      condition('x').message,
      '0/1 nodes are available: 1 node(s) had untolerated taint(s). preemption: 0/1 nodes are available: ' +
        '1 Preemption is not helpful for scheduling.',
    );
    api.put('nodes', node('a'));
    await eventually('bound', () => nodeOf('x') === 'a');
  });

  it('says when there are no nodes', async () => {
    api.put('pods', pod('x'));
    await eventually('condition', () => condition('x')?.message === 'no nodes available to schedule pods');
    api.put('nodes', node('a'));
    await eventually('bound', () => nodeOf('x') === 'a');
  });

  it('leaves gated pods and those of other schedulers alone', async () => {
    api.put('nodes', node('a', { cpu: '1' }));
    api.put('pods', pod('gated', '1', { schedulingGates: [{ name: 'g' }] }));
    api.put('pods', pod('foreign', '1', { schedulerName: 'other' }));
    api.put('pods', pod('mine', '500m'));
    await eventually('mine', () => nodeOf('mine') === 'a');
    assert.deepEqual([nodeOf('gated'), nodeOf('foreign')], [undefined, undefined]);
    api.put('nodes', node('b'));
    const open = api.pod('gated');
    api.put('pods', { ...open, spec: { ...open.spec, schedulingGates: undefined } });
    await eventually('gated', () => nodeOf('gated') === 'b');
  });

  it('counts pods that somebody else placed', async () => {
    api.put('nodes', node('a', { cpu: '1' }));
    api.put('pods', pod('static', '1', { nodeName: 'a', schedulerName: 'other' }));
    api.put('pods', pod('x', '500m'));
    await eventually('x waits', () => condition('x') !== undefined);
    assert.match(condition('x').message, /1 Insufficient cpu/);
  });

  it('takes back what it assumed when a binding fails', async () => {
    api.put('nodes', node('a', { cpu: '1' }));
    let failures = 1;
    api.onBinding = () => {
      if (failures-- > 0) throw new Error('etcdserver: request timed out');
    };
    api.put('pods', pod('x'));
    await eventually('told', () => api.events.some(({ reason }) => reason === 'FailedScheduling'));
    assert.equal(condition('x').reason, 'SchedulerError');
    await eventually('bound after back-off', () => nodeOf('x') === 'a');
  });

  it('names a missing claim, and goes on when it is there', async () => {
    api.put('nodes', node('a'));
    api.put('pods', pod('x', '1', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] }));
    await eventually('condition', () => condition('x') !== undefined);
    assert.equal(
      condition('x').message,
      '0/1 nodes are available: persistentvolumeclaim "data" not found. preemption: 0/1 nodes are available: ' +
        '1 Preemption is not helpful for scheduling.',
    );
    api.put('persistentvolumeclaims', { metadata: { name: 'data', namespace: 'default' } });
    await eventually('bound', () => nodeOf('x') === 'a');
  });

  it('evicts pods of lower priority, and keeps the room for the one that needed it', async () => {
    api.put('nodes', node('a', { cpu: '2' }));
    api.put('pods', pod('low', '2'));
    await eventually('low', () => nodeOf('low') === 'a');
    const low = api.pod('low');
    api.put('pods', pod('high', '2', { priority: 100 }));
    await eventually('high', () => nodeOf('high') === 'a');
    assert.equal(api.pod('low'), undefined);
    assert.equal(api.pod('high').status.nominatedNodeName, 'a');
    await eventually('event', () => api.events.some(({ reason }) => reason === 'Preempted'));
    const event = api.events.find(({ reason }) => reason === 'Preempted')!;
    assert.equal(event['note'], `Preempted by pod ${api.pod('high').metadata.uid} on node a`);
    assert.deepEqual([event['regarding'].uid, event['related'].name], [low.metadata.uid, 'high']);
  });

  it('evicts nobody for a pod that must not preempt', async () => {
    api.put('nodes', node('a', { cpu: '2' }));
    api.put('pods', pod('low', '2'));
    await eventually('low', () => nodeOf('low') === 'a');
    api.put('pods', pod('meek', '2', { priority: 100, preemptionPolicy: 'Never' }));
    await eventually('condition', () => condition('meek') !== undefined);
    assert.equal(
      condition('meek').message,
      '0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.',
    );
    assert.equal(nodeOf('low'), 'a');
  });

  it('does not overfill a node when pods come and go while it decides', async () => {
    for (const name of ['a', 'b', 'c']) api.put('nodes', node(name, { pods: '5' }));
    for (let i = 0; i < 60; i++) {
      api.put('pods', pod(`p${i}`, '100m'));
      if (i % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
      if (i % 4 === 3) api.remove('pods', 'default', `p${i - 2}`);
    }
    const all = () => [...api.objects].filter(([key]) => key.startsWith('pods/')).map(([, object]) => object);
    await eventually('nodes full', () => all().filter((object) => object['spec'].nodeName).length === 15);
    const counts = new Map<string, number>();
    for (const object of all()) {
      const name = object['spec'].nodeName;
      if (name) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    assert.deepEqual([...counts.values()], [5, 5, 5]);
  });
});
