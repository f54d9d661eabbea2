import assert from 'node:assert/strict';
import { MetricsRegistry } from '#telemetry';
import { loopContext } from '#testing';
import { startScheduler } from './start-scheduler.js';
import { eventually, MemoryApi, node, pod } from './testing/memory-api.js';

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
      ...loopContext(client, { metrics }),
      client,
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
    assert.equal(value('scheduler_unschedulable_pods', 'NodeResourcesFit'), 1);
    assert.equal(value('scheduler_queue_incoming_pods_total', 'UnscheduledPodAdd'), 2);
    assert.equal(value('scheduler_queue_incoming_pods_total', 'ScheduleAttemptFailure'), 1);
    assert.equal(value('scheduler_framework_extension_point_duration_seconds_count', 'Bind'), 1);
    assert.equal(value('scheduler_goroutines', 'binding'), 0);
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
    api.put('persistentvolumes', { metadata: { name: 'pv' }, spec: {} });
    api.put('persistentvolumeclaims', {
      metadata: {
        name: 'data',
        namespace: 'default',
        annotations: { 'pv.kubernetes.io/bind-completed': 'yes' },
      },
      spec: { volumeName: 'pv' },
    });
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
