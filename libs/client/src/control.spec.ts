import assert from 'node:assert/strict';
import { alreadyExists, conflict, type KubeObject, notFound } from '#apimachinery';
import { MetricsRegistry } from '#telemetry';
import { FakeClock } from '#testing';
import { Backoff } from './backoff.js';
import type { Client } from './client.js';
import { ControlLoop } from './control-loop.js';
import { ApiEventRecorder } from './event-recorder.js';
import { Expectations, WrittenRevisions } from './expectations.js';
import { LeaderElection, mayHold } from './leader-election.js';
import { silentLogger } from './logger.js';
import { WorkQueue } from './work-queue.js';

describe('WorkQueue', () => {
  it('gives a key once however often it is added, and again when it was added while worked on', async () => {
    const queue = new WorkQueue({ name: 'test' });
    queue.add('a');
    queue.add('a');
    assert.equal(queue.length, 1);
    assert.equal(await queue.get(), 'a');
    queue.add('a');
    assert.equal(queue.length, 0);
    queue.done('a');
    assert.equal(await queue.get(), 'a');
    queue.done('a');
    assert.equal(queue.length, 0);
  });

  it('delays, and of several delays keeps the earliest', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ name: 'test', clock });
    queue.addAfter('a', 1000);
    queue.addAfter('a', 500);
    queue.addAfter('a', 2000);
    await clock.advance(499);
    assert.equal(queue.length, 0);
    await clock.advance(1);
    assert.equal(queue.length, 1);
    assert.equal(clock.waiting, 0);
  });

  it('doubles the delay of retries up to the longest, until forgotten', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ name: 'test', clock, baseDelay: 5, maxDelay: 15 });
    for (const delay of [5, 10, 15, 15]) {
      queue.addRateLimited('a');
      await clock.advance(delay - 1);
      assert.equal(queue.length, 0);
      await clock.advance(1);
      assert.equal(await queue.get(), 'a');
      queue.done('a');
    }
    queue.forget('a');
    queue.addRateLimited('a');
    await clock.advance(5);
    assert.equal(queue.length, 1);
  });

  it('counts adds, waiting, work and retries under its name', async () => {
    const clock = new FakeClock();
    const metrics = new MetricsRegistry();
    const queue = new WorkQueue({ name: 'test', clock, metrics });
    const values = () =>
      Object.fromEntries(
        metrics
          .samples()
          .filter(({ metricName }) => !metricName.endsWith('_bucket'))
          .map(({ metricName, value }) => [metricName.replace('workqueue_', ''), value]),
      );
    for (const key of ['a', 'b', 'a']) queue.add(key);
    queue.addAfter('c', 60_000);
    await clock.advance(2000);
    await queue.get();
    await clock.advance(3000);
    assert.deepEqual(values(), {
      adds_total: 2,
      depth: 1,
      retries_total: 1,
      queue_duration_seconds_sum: 2,
      queue_duration_seconds_count: 1,
      work_duration_seconds_sum: 0,
      work_duration_seconds_count: 0,
      unfinished_work_seconds: 3,
      longest_running_processor_seconds: 3,
    });
    queue.done('a');
    const { work_duration_seconds_sum, unfinished_work_seconds } = values();
    assert.deepEqual([work_duration_seconds_sum, unfinished_work_seconds], [3, 0]);
    await queue.shutDown();
    assert.equal(values()['depth'], 0);
  });

  it('shuts down when the workers are done', async () => {
    const queue = new WorkQueue({ name: 'test' });
    queue.add('a');
    await queue.get();
    let down = false;
    const end = queue.shutDown().then(() => (down = true));
    assert.equal(await queue.get(), undefined);
    queue.add('b');
    await Promise.resolve();
    assert.equal(down, false);
    queue.done('a');
    await end;
    assert.equal(queue.length, 0);
  });
});

describe('ControlLoop', () => {
  it('tries again what fails, and later what asks for it', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const calls: string[] = [];
    const loop = new ControlLoop({
      name: 'test',
      clock,
      logger: silentLogger,
      async reconcile(key) {
        calls.push(key);
        if (key === 'fails' && calls.length === 1) throw new Error('no');
        return key === 'later' && calls.length < 4 ? { requeueAfter: 1000 } : undefined;
      },
    });
    const running = loop.run(stop.signal);
    loop.add('fails');
    await clock.advance(5);
    assert.deepEqual(calls, ['fails', 'fails']);
    loop.add('later');
    await clock.advance(1000);
    assert.deepEqual(calls, ['fails', 'fails', 'later', 'later']);
    stop.abort();
    await running;
  });
});

describe('Backoff', () => {
  it('grows to its limit and starts over after a quiet time', () => {
    let now = 0;
    const backoff = new Backoff(
      { initial: 1, factor: 2, max: 4, jitter: 1, resetAfter: 100 },
      () => now,
      () => 0,
    );
    assert.deepEqual(
      [1, 2, 3, 4].map(() => backoff.step()),
      [1, 2, 4, 4],
    );
    now = 101;
    assert.equal(backoff.step(), 1);
  });
});

describe('Expectations', () => {
  it('are met by what is seen, each deletion once, or by time', async () => {
    const clock = new FakeClock();
    const expectations = new Expectations(clock);
    expectations.expect('a', 1, []);
    assert.equal(expectations.satisfied('a'), false);
    expectations.creationObserved('a');
    assert.equal(expectations.satisfied('a'), true);
    expectations.expect('a', 0, ['x', 'y']);
    expectations.deletionObserved('a', 'x');
    expectations.deletionObserved('a', 'x');
    assert.equal(expectations.satisfied('a'), false);
    await clock.advance(300_001);
    assert.equal(expectations.satisfied('a'), true);
  });

  it('written revisions compare as numbers', () => {
    const written = new WrittenRevisions();
    written.wrote('a', { apiVersion: 'v1', kind: 'Pod', metadata: { resourceVersion: '10' } });
    assert.equal(written.seenBy('a', { resourceVersion: '9' }), false);
    assert.equal(written.seenBy('a', { resourceVersion: '10' }), true);
    assert.equal(written.seenBy('b', { resourceVersion: '' }), true);
  });
});

/** Keeps objects of one resource, with optimistic concurrency. */
function memoryClient() {
  const objects = new Map<string, KubeObject>();
  let revision = 0;
  const resource = { group: '', resource: 'things' };
  const store = (object: KubeObject) => {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++revision) } };
    objects.set(object.metadata.name!, stored);
    return stored;
  };
  const client = {
    async get(_gvr: unknown, _namespace: string, name: string) {
      const object = objects.get(name);
      if (!object) throw notFound(resource, name);
      return object;
    },
    async create(_gvr: unknown, _namespace: string, object: KubeObject) {
      if (objects.has(object.metadata.name!)) throw alreadyExists(resource, object.metadata.name!);
      return store(object);
    },
    async update(_gvr: unknown, _namespace: string, object: KubeObject) {
      const current = objects.get(object.metadata.name!);
      if (current?.metadata.resourceVersion !== object.metadata.resourceVersion) {
        throw conflict(resource, object.metadata.name!);
      }
      return store(object);
    },
    async patch(_gvr: unknown, _namespace: string, name: string, _type: string, patch: object) {
      const object = objects.get(name);
      if (!object) throw notFound(resource, name);
      return store({ ...object, ...patch });
    },
  } as unknown as Client;
  return { client, objects };
}

describe('LeaderElection', () => {
  const candidate = (client: Client, clock: FakeClock, identity: string, metrics?: MetricsRegistry) =>
    new LeaderElection({
      metrics,
      client,
      clock,
      identity,
      random: () => 0,
      logger: silentLogger,
      namespace: 'kube-system',
      name: 'lock',
    });
  const lead = (log: string[], name: string) => async (signal: AbortSignal) => {
    log.push(`+${name}`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    log.push(`-${name}`);
  };

  it('lets one lead, and the next as soon as the first ends well', async () => {
    const clock = new FakeClock();
    const { client, objects } = memoryClient();
    const [first, second] = [new AbortController(), new AbortController()];
    const log: string[] = [];
    const a = candidate(client, clock, 'a').run(first.signal, lead(log, 'a'));
    await clock.advance(100);
    const b = candidate(client, clock, 'b').run(second.signal, lead(log, 'b'));
    await clock.advance(60_000);
    assert.deepEqual(log, ['+a']);
    first.abort();
    assert.equal(await a, false);
    await clock.advance(3_000);
    assert.deepEqual(log, ['+a', '-a', '+b']);
    assert.equal(objects.get('lock')?.['spec'].leaseTransitions, 1);
    second.abort();
    await b;
  });

  it('shows whether it leads', async () => {
    const clock = new FakeClock();
    const metrics = new MetricsRegistry();
    const stop = new AbortController();
    const status = () => metrics.samples().map(({ metricName, labels, value }) => [metricName, labels['name'], value]);
    const a = candidate(memoryClient().client, clock, 'a', metrics).run(stop.signal, lead([], 'a'));
    await clock.advance(100);
    assert.deepEqual(status(), [['leader_election_master_status', 'lock', 1]]);
    stop.abort();
    await a;
    assert.deepEqual(status(), [['leader_election_master_status', 'lock', 0]]);
  });

  it('steps down when it cannot renew, and says so', async () => {
    const clock = new FakeClock();
    const { client } = memoryClient();
    const stop = new AbortController();
    const log: string[] = [];
    const a = candidate(client, clock, 'a').run(stop.signal, lead(log, 'a'));
    await clock.advance(10_000);
    client.update = () => Promise.reject(new Error('down'));
    client.get = () => Promise.reject(new Error('down'));
    await clock.advance(9_000);
    assert.deepEqual(log, ['+a']);
    await clock.advance(4_000);
    assert.equal(await a, true);
    assert.deepEqual(log, ['+a', '-a']);
  });

  it('takes over from a leader that fell silent, by its own clock', () => {
    const observed = { spec: { holderIdentity: 'a', leaseDurationSeconds: 15 }, record: '', at: 1000 };
    assert.equal(mayHold(observed, 'b', 15_999), false);
    assert.equal(mayHold(observed, 'b', 16_000), true);
    assert.equal(mayHold(observed, 'a', 1000), true);
    assert.equal(mayHold(undefined, 'b', 0), true);
  });
});

describe('ApiEventRecorder', () => {
  const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'ns', uid: 'u' } };
  const setUp = () => {
    const clock = new FakeClock();
    const { client, objects } = memoryClient();
    const recorder = new ApiEventRecorder({ client, clock, logger: silentLogger, component: 'test' });
    return { clock, objects, recorder, events: () => [...objects.values()] };
  };

  it('counts repeated events in one object', async () => {
    const { recorder, events, clock } = setUp();
    recorder.event(pod, 'Warning', 'Failed', 'no image');
    await recorder.flush();
    await clock.advance(60_000);
    recorder.event(pod, 'Warning', 'Failed', 'no image');
    await recorder.flush();
    const [event, ...rest] = events();
    assert.equal(rest.length, 0);
    assert.match(event!.metadata.name!, /^a\.[0-9a-f]+$/);
    assert.equal(event!.metadata.namespace, 'ns');
    assert.equal(event!['count'], 2);
    assert.equal(event!['firstTimestamp'], '2030-01-01T00:00:00Z');
    assert.equal(event!['lastTimestamp'], '2030-01-01T00:01:00Z');
    assert.deepEqual(event!['involvedObject'], { kind: 'Pod', apiVersion: 'v1', name: 'a', namespace: 'ns', uid: 'u' });
  });

  it('joins a flood of similar events', async () => {
    const { recorder, events } = setUp();
    for (let i = 0; i < 15; i++) recorder.event(pod, 'Normal', 'Pulled', `image ${i}`);
    await recorder.flush();
    assert.equal(events().length, 10);
    assert.equal(events().at(-1)!['count'], 6);
    assert.equal(events().at(-1)!['message'], '(combined from similar events): image 14');
  });

  it('drops what comes faster than one object may send', async () => {
    const { recorder, events, clock } = setUp();
    for (let i = 0; i < 40; i++) recorder.event(pod, 'Normal', `Reason${i}`, 'x');
    await recorder.flush();
    assert.equal(events().length, 25);
    await clock.advance(300_000);
    recorder.event(pod, 'Normal', 'Again', 'x');
    await recorder.flush();
    assert.equal(events().length, 26);
  });
});
