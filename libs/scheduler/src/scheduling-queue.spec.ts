import assert from 'node:assert/strict';
import { FakeClock } from '#testing';
import { ANY_EVENT, ClusterEvent } from './cluster-event.js';
import { INITIAL_BACKOFF, MAX_BACKOFF, SchedulingQueue } from './scheduling-queue.js';

const AWAITS_ROOM =
  ClusterEvent.Flush | ClusterEvent.NodeAdd | ClusterEvent.NodeAllocatable | ClusterEvent.AssignedPodDelete;
const AWAITS_LABELS = ClusterEvent.Flush | ClusterEvent.NodeAdd | ClusterEvent.NodeLabel;

describe('scheduling queue', () => {
  let clock: FakeClock;
  let queue: SchedulingQueue<string>;
  let woken: number;
  const pop = (limit = 10) => queue.pop(limit);
  const names = (limit = 10) => pop(limit).map(({ item }) => item);

  beforeEach(() => {
    clock = new FakeClock();
    woken = 0;
    queue = new SchedulingQueue<string>({ clock, ready: () => woken++ });
  });

  it('gives higher priorities first, and the older among equals', async () => {
    queue.add('a', 0);
    await clock.advance(1);
    queue.add('b', 100);
    queue.add('c', 0);
    queue.add('d', 100);
    assert.deepEqual(names(3), ['b', 'd', 'a']);
    assert.deepEqual(names(), ['c']);
    assert.deepEqual(names(), []);
  });

  it('tells which pods come into which queue, and why', async () => {
    const came: string[] = [];
    queue = new SchedulingQueue<string>({ clock, ready: () => {}, came: (into, why) => came.push(`${into} ${why}`) });
    queue.add('a', 0);
    const [a] = pop();
    queue.unschedulable(a!, AWAITS_ROOM, ['NodeResourcesFit']);
    assert.deepEqual([...queue.rejections], [['NodeResourcesFit', 1]]);
    queue.happened(ClusterEvent.NodeAllocatable);
    await clock.advance(INITIAL_BACKOFF);
    const [again] = pop();
    assert.deepEqual([...queue.rejections], []);
    queue.failed(again!);
    await clock.advance(MAX_BACKOFF);
    assert.deepEqual(came, [
      'active UnscheduledPodAdd',
      'unschedulable ScheduleAttemptFailure',
      'backoff NodeUpdateNodeAllocatable',
      'active BackoffComplete',
      'backoff ScheduleAttemptFailure',
      'active BackoffComplete',
    ]);
    queue.close();
  });

  it('forgets pods that are removed, wherever they are', () => {
    queue.add('a', 0);
    queue.add('b', 0);
    queue.remove('a');
    const [b] = pop();
    assert.equal(b?.item, 'b');
    queue.remove('b');
    queue.unschedulable(b!, AWAITS_ROOM);
    assert.deepEqual(queue.sizes, { active: 0, backoff: 0, unschedulable: 0 });
  });

  it('keeps an unschedulable pod until an event that may help', async () => {
    queue.add('a', 0);
    queue.unschedulable(pop()[0]!, AWAITS_LABELS);
    await clock.advance(20_000);
    queue.happened(ClusterEvent.AssignedPodDelete | ClusterEvent.NodeAllocatable);
    assert.deepEqual(names(), []);
    queue.happened(ClusterEvent.NodeLabel);
    assert.deepEqual(names(), ['a']);
  });

  it('moves of the pods that wait for an event those that it is about', () => {
    for (const name of ['a', 'b', 'c']) queue.add(name, 0);
    const [a, b, c] = pop();
    queue.unschedulable(a!, ClusterEvent.ClaimChange);
    queue.unschedulable(b!, ClusterEvent.ClaimChange);
    queue.unschedulable(c!, ClusterEvent.NodeAdd);
    queue.happenedTo(['b', 'c', 'unknown'], ClusterEvent.ClaimChange);
    assert.deepEqual(names(), ['b']);
  });

  it('does not lose what happens to a pod while its decision is made', () => {
    queue.add('a', 0);
    const [a] = pop();
    queue.happenedTo(['a'], ClusterEvent.ClaimChange);
    queue.unschedulable(a!, ClusterEvent.ClaimChange);
    assert.deepEqual(names(), ['a']);
  });

  it('takes any event for a pod that any event may help', () => {
    queue.add('a', 0);
    queue.unschedulable(pop()[0]!, ANY_EVENT);
    queue.happened(ClusterEvent.NodeAdd);
    assert.deepEqual(names(), ['a']);
  });

  it('does not lose an event that happens while the decision is made', () => {
    queue.add('a', 0);
    const [a] = pop();
    queue.happened(ClusterEvent.NodeAdd);
    queue.unschedulable(a!, AWAITS_ROOM);
    assert.deepEqual(names(), ['a']);
  });

  it('does not count events before the pop as missed', () => {
    queue.happened(ClusterEvent.NodeAdd);
    queue.add('a', 0);
    queue.unschedulable(pop()[0]!, AWAITS_ROOM);
    assert.deepEqual(names(), []);
  });

  it('backs off between one second and ten', async () => {
    queue.add('a', 0);
    for (const seconds of [1, 2, 4, 8, 10, 10]) {
      const [a] = pop();
      queue.decided(a!);
      queue.failed(a!);
      await clock.advance(seconds * 1000 - 1);
      assert.deepEqual(names(), [], `before ${seconds} s`);
      const before = woken;
      await clock.advance(1);
      assert.ok(woken > before, 'an alarm wakes the scheduler');
      assert.equal(queue.sizes.active, 1);
    }
  });

  it('prefers active pods to those in back-off, which it takes early when idle', () => {
    queue.add('a', 10);
    queue.unschedulable(pop()[0]!, AWAITS_ROOM);
    queue.happened(ClusterEvent.NodeAdd);
    assert.equal(queue.sizes.backoff, 1);
    queue.add('b', 0);
    assert.deepEqual(names(1), ['b']);
    assert.deepEqual(names(1), ['a']);
  });

  it('tries again after five minutes even if nothing happens', async () => {
    queue.add('a', 0);
    queue.unschedulable(pop()[0]!, AWAITS_LABELS);
    await clock.advance(299_000);
    assert.equal(queue.sizes.unschedulable, 1);
    await clock.advance(31_000);
    assert.deepEqual(names(), ['a']);
  });

  it('moves a pod that was changed', () => {
    queue.add('a', 0);
    queue.unschedulable(pop()[0]!, AWAITS_LABELS);
    queue.changed('a', 5);
    assert.deepEqual(names(), ['a']);
  });
});
