import assert from 'node:assert/strict';
import { WatchPacer } from './watch-pacer.js';

describe('the pace of watchers', () => {
  let clock: number;
  let pacer: WatchPacer;
  let writes: string[];
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setInterval'] });
    clock = 0;
    writes = [];
    pacer = new WatchPacer(() => clock);
  });
  afterEach(() => jest.useRealTimers());

  /** Lets everything go on that waits for no timer. */
  const settle = async () => {
    for (let i = 0; i < 300; i += 1) await Promise.resolve();
  };
  const pass = async (ms: number) => {
    jest.advanceTimersByTime(ms);
    await settle();
  };

  /** A watcher that always has something to write, which takes `cost` milliseconds. */
  async function busy(name: string, cost: number, times = Number.POSITIVE_INFINITY): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      await pacer.turn();
      writes.push(name);
      clock += cost;
      await pacer.pause();
    }
  }
  const written = () => writes.splice(0).join(' ');

  it('lets one that was quiet write as soon as the event loop is done with what it is at', async () => {
    void busy('a', 0);
    await settle();
    assert.equal(written(), '');
    await pass(0);
    assert.equal(written(), 'a');
  });

  it('lets those of one turn go on together, after a pause', async () => {
    for (const name of ['a', 'b', 'c']) void busy(name, 0);
    await pass(0);
    assert.equal(written(), 'a b c');
    await pass(1);
    assert.equal(written(), '');
    await pass(1);
    await pass(0);
    assert.equal(written(), 'a b c');
  });

  it('lets one that comes in the pause of others write at once', async () => {
    void busy('a', 1);
    await pass(0);
    void busy('b', 1);
    await pass(0);
    assert.equal(written(), 'a b');
  });

  const TURNS: [what: string, cost: number, turns: number[]][] = [
    ['many in a turn while that is short', 0.01, [64, 26, 0, 0]],
    ['fewer in a turn when it takes longer', 0.625, [32, 32, 26, 0]],
    ['one in a turn when much is written', 50, [1, 1, 1, 1]],
  ];
  for (const [what, cost, expected] of TURNS) {
    it(`lets many write: ${what}`, async () => {
      for (let i = 0; i < 90; i += 1) void busy('x', cost, 1);
      const turns: number[] = [];
      for (let i = 0; i < expected.length; i += 1) {
        await pass(0);
        turns.push(writes.splice(0).length);
      }
      assert.deepEqual(turns, expected);
    });
  }

  /** Milliseconds until the next write comes, after `rounds` of them. */
  async function pauseOf(watchers: number, cost: number, rounds: number): Promise<number> {
    for (let i = 0; i < watchers; i += 1) void busy('x', cost);
    let waited = 0;
    for (let round = 0; round <= rounds; round += 1) {
      waited = 0;
      await pass(0);
      while (writes.length === 0) {
        waited += 1;
        await pass(1);
        await pass(0);
      }
      writes.length = 0;
    }
    return waited;
  }

  const PAUSES: [what: string, watchers: number, cost: number, low: number, high: number][] = [
    ['short for few', 1, 0.04, 2, 2],
    ['longer when the writes of all take longer', 20, 0.05, 11, 13],
    ['bounded', 60, 0.0625, 25, 25],
  ];
  for (const [what, watchers, cost, low, high] of PAUSES) {
    it(`makes pauses that are ${what}`, async () => {
      const ms = await pauseOf(watchers, cost, 40);
      assert.ok(ms >= low && ms <= high, `${ms} ms`);
    });
  }

  it('forgets those who are gone', async () => {
    for (let i = 0; i < 60; i += 1) void busy('gone', 0.05, 3);
    for (let i = 0; i < 10; i += 1) {
      await pass(25);
      await pass(0);
    }
    writes.length = 0;
    assert.equal(await pauseOf(1, 0.05, 20), 2);
  });
});
