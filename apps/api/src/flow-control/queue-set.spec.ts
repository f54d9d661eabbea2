import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { MetricsRegistry } from '#telemetry';
import { FlowMetrics } from './flow-metrics.js';
import { QueueSet, type Ticket } from './queue-set.js';
import { always, queueSet, TestTime, ticket } from './testing/flow-objects.js';

/** Starts a request, and notes its name when it begins. */
function begin(set: QueueSet, begun: string[], name: string, made: Ticket): string {
  made.begin = () => begun.push(name);
  const outcome = set.start(made);
  if (outcome === 'begun') begun.push(name);
  return outcome;
}

/** Begins what can. */
function drain(set: QueueSet): void {
  while (set.canDispatch && set.dispatch());
}

describe('a level that queues', () => {
  test('lets requests begin while there are seats, and wait after that', () => {
    const set = queueSet(new TestTime(), 4, 2);
    const begun: string[] = [];
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => begin(set, begun, name, ticket([0]))),
      ['begun', 'begun', 'waiting'],
    );
    assert.deepEqual([set.executing, set.waiting, set.seatsInUse, set.seatsWaiting], [2, 1, 2, 1]);
  });

  test('rejects what finds its queue full', () => {
    const set = queueSet(new TestTime(), 4, 1, 2);
    const outcomes = ['a', 'b', 'c', 'd'].map(() => set.start(ticket([0])));
    assert.deepEqual(outcomes, ['begun', 'waiting', 'waiting', 'queue-full']);
    assert.equal(set.start(ticket([1])), 'waiting');
    assert.equal(set.rejected, 1);
  });

  test('serves flows in turn, however many requests one of them has', () => {
    const time = new TestTime();
    const set = queueSet(time, 4, 1);
    const begun: string[] = [];
    const first = ticket([0]);
    begin(set, begun, 'flood', first);
    const waiting: Ticket[] = [first];
    for (let i = 0; i < 6; i += 1) {
      const made = ticket([0]);
      waiting.push(made);
      begin(set, begun, 'flood', made);
    }
    time.now += 0.01;
    for (const name of ['quiet', 'quiet']) {
      const made = ticket([1]);
      waiting.push(made);
      begin(set, begun, name, made);
    }
    for (let i = 0; i < 4; i += 1) {
      time.now += 0.003;
      const executing = waiting.find(({ state }) => state === 'executing')!;
      set.finish(executing);
      drain(set);
    }
    assert.equal(begun.filter((name) => name === 'quiet').length, 2, begun.join());
  });

  test('picks the queue of a hand that has the least work waiting', () => {
    const set = queueSet(new TestTime(), 4, 1);
    set.start(ticket([0]));
    for (let i = 0; i < 3; i += 1) set.start(ticket([1]));
    const made = ticket([1, 2]);
    set.start(made);
    set.start(ticket([2]));
    assert.deepEqual(
      set.dump().map(({ waiting }) => waiting.length),
      [0, 3, 2, 0],
    );
  });

  test('a request that wants many seats waits until they are free, and one that wants more than there are goes alone', () => {
    const set = queueSet(new TestTime(), 2, 4);
    const small = ticket([0]);
    assert.equal(set.start(small), 'begun');
    const wide = ticket([1], 4);
    assert.equal(set.start(wide), 'waiting');
    assert.equal(set.dispatch(), false);
    set.finish(small);
    assert.equal(set.dispatch(), true);
    assert.equal(set.seatsInUse, 4);
    set.finish(wide);
    const wider = ticket([1], 9);
    assert.equal(set.start(wider), 'begun');
    assert.equal(set.start(ticket([0])), 'waiting');
  });

  test('seats of a write stay taken while its watchers are told', async () => {
    const set = queueSet(new TestTime(), 2, 2);
    const write = ticket([0], 1, 2, 0.02);
    set.start(write);
    set.finish(write);
    assert.deepEqual([set.executing, set.seatsInUse], [0, 2]);
    assert.equal(set.start(ticket([1])), 'waiting');
    await sleep(60);
    assert.equal(set.seatsInUse, 0);
    assert.equal(set.dispatch(), true);
  });

  test('a request that is not wanted any more leaves its queue', () => {
    const set = queueSet(new TestTime(), 2, 1);
    const executing = ticket([0]);
    set.start(executing);
    const waiting = ticket([0]);
    set.start(waiting);
    set.cancel(waiting);
    assert.deepEqual([set.waiting, set.seatsWaiting, set.timedOut], [0, 0, 1]);
    set.cancel(executing);
    assert.equal(set.executing, 1);
    set.finish(executing);
    set.finish(executing);
    assert.ok(set.isIdle);
    assert.equal(set.seatsInUse, 0);
  });

  test('more seats wake those that wait', () => {
    let woken = 0;
    const pace = { isOpen: () => true, wake: () => void (woken += 1) };
    const set = queueSet(new TestTime(), 2, 1, 50, pace);
    set.start(ticket([0]));
    set.start(ticket([0]));
    const before = woken;
    set.configure({ queues: 1, handSize: 1, queueLengthLimit: 50 }, 2);
    assert.equal(woken, before + 1);
    assert.equal(set.dispatch(), true);
  });

  test('nothing begins out of turn', () => {
    const set = queueSet(new TestTime(), 2, 9, 50, { isOpen: () => false, wake() {} });
    assert.equal(set.start(ticket([0])), 'waiting');
    assert.equal(set.dispatch(), true);
  });

  test('a queue that was idle saves nothing up', () => {
    const time = new TestTime();
    const set = queueSet(time, 2, 1);
    const long = ticket([0]);
    set.start(long);
    time.now += 100;
    set.start(ticket([1]));
    const [, idle] = set.dump();
    assert.ok(idle!.nextR >= set.currentR - 1e-9);
  });
});

describe('a level without queues', () => {
  test('rejects what does not fit', () => {
    const set = queueSet(new TestTime(), 0, 2);
    assert.deepEqual(
      [1, 1, 1].map((seats) => set.start(ticket([0], seats))),
      ['begun', 'begun', 'concurrency-limit'],
    );
  });

  test('keeps the seat of a request that has to wait for its turn', () => {
    const set = queueSet(new TestTime(), 0, 1, 50, { isOpen: () => false, wake() {} });
    const begun: string[] = [];
    const made = ticket([0]);
    assert.equal(begin(set, begun, 'a', made), 'waiting');
    assert.equal(set.start(ticket([0])), 'concurrency-limit');
    assert.ok(set.canDispatch);
    set.dispatch();
    assert.deepEqual(begun, ['a']);
    set.finish(made);
    assert.ok(set.isIdle);
  });
});

test('an exempt level limits nothing, and counts all the same', () => {
  const set = queueSet(new TestTime(), -1, 0, 1, { isOpen: () => false, wake() {} });
  for (let i = 0; i < 50; i += 1) assert.equal(set.start(ticket([], 10)), 'begun');
  assert.equal(set.seatsInUse, 500);
});

test('seats and queues are counted by how long how much of them is in use', () => {
  const registry = new MetricsRegistry();
  const time = new TestTime();
  const set = new QueueSet(always, time.clock, new FlowMetrics(registry).level('a').utilization);
  set.configure({ queues: 2, handSize: 1, queueLengthLimit: 5 }, 4);
  const pass = (seconds: number) => {
    time.now += seconds;
  };
  /** Nanoseconds up to a fraction, and their sum weighted with it. */
  const shown = (name: string, phase: string, le: string) => {
    set.refresh();
    const samples = registry.samples().filter(({ labels }) => labels['phase'] === phase);
    const value = (suffix: string, bound?: string) =>
      samples.find(
        ({ metricName, labels }) =>
          metricName === `apiserver_flowcontrol_priority_level_${name}_utilization_${suffix}` && labels['le'] === bound,
      )?.value;
    return [value('bucket', le), value('bucket', '+Inf'), value('sum')];
  };
  pass(1);
  const wide = ticket([0], 3);
  set.start(wide);
  pass(2);
  const waiting = ticket([1], 2);
  set.start(waiting);
  pass(0.5);
  set.finish(wide);
  assert.deepEqual(shown('seat', 'executing', '0.7'), [1e9, 3.5e9, 0.75 * 2.5e9]);
  assert.deepEqual(shown('seat', 'executing', '0.8'), [3.5e9, 3.5e9, 0.75 * 2.5e9]);
  assert.deepEqual(shown('request', 'executing', '0.25'), [3.5e9, 3.5e9, 0.25 * 2.5e9]);
  assert.deepEqual(shown('request', 'waiting', '0'), [3e9, 3.5e9, 0.1 * 0.5e9]);
});
