import assert from 'node:assert/strict';
import type { ResourceDefinition } from '#kinds';
import type { CacheEvent, CacheWatch, Revision } from '../../storage/store.js';
import type { WatchItem } from '../api-result.js';
import { CacheWatchSession, INITIAL_EVENTS_END, type WatchSessionOptions } from './watch-session.js';

const MINUTE = 60_000;
const resource = { kind: 'Pod' } as ResourceDefinition;

/** A cache's watch on which nothing happens but what the test says. */
class QuietWatch implements CacheWatch {
  expired = false;
  revision: Revision = 10;
  stopped = false;
  private waiting: ((events: CacheEvent[] | undefined) => void) | undefined;

  next(): Promise<CacheEvent[] | undefined> {
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  async end(expired: boolean): Promise<void> {
    this.expired = expired;
    this.waiting?.(undefined);
    await turns();
  }

  stop(): void {
    this.stopped = true;
  }
}

const turns = () => new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));

function session(more: Partial<WatchSessionOptions> = {}) {
  const watch = new QuietWatch();
  const seen: WatchItem[] = [];
  const options = { resource, apiVersion: 'v1', served: undefined, filter: undefined, initial: [], from: 10 };
  const watching = new CacheWatchSession({ ...options, watch, bookmarks: true, timeoutMs: 30 * MINUTE, ...more });
  const state = { ended: false };
  const read = async () => {
    for (let items = await watching.next(); items; items = await watching.next()) seen.push(...items);
    state.ended = true;
  };
  return { watch, watching, seen, state, read };
}

async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await turns();
}

describe('bookmarks', () => {
  beforeEach(() =>
    jest.useFakeTimers({ doNotFake: ['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate'] }),
  );
  afterEach(() => jest.useRealTimers());

  it('come about once a minute, with the revision that the watch has reached', async () => {
    const { watch, seen, read, watching } = session();
    void read();
    await pass(0.9 * MINUTE);
    assert.deepEqual(seen, []);
    for (let minute = 1; minute <= 5; minute += 1) {
      watch.revision = 10 + minute;
      await pass(minute === 1 ? 0.2 * MINUTE : 1.06 * MINUTE);
    }
    assert.ok(seen.length === 5 || seen.length === 6, `${seen.length}`);
    assert.deepEqual(seen[0], {
      type: 'BOOKMARK',
      literal: { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: '11' } },
    });
    watching.stop();
  });

  it('have a last one shortly before the end', async () => {
    const { seen, state, read } = session({ timeoutMs: 10_000 });
    void read();
    await pass(7_999);
    assert.equal(seen.length, 0);
    await pass(1);
    assert.deepEqual(
      seen.map(({ type }) => type),
      ['BOOKMARK'],
    );
    assert.equal(state.ended, false);
    await pass(2_000);
    assert.equal(state.ended, true);
    assert.equal(seen.length, 1);
  });

  it('never say less than where the watch began', async () => {
    const { watch, seen, read } = session({ from: 50, timeoutMs: 10_000 });
    watch.revision = 10;
    void read();
    await pass(8_000);
    assert.equal(seen[0]?.literal?.metadata?.resourceVersion, '50');
  });

  it('wait for a client that does not read', async () => {
    const { seen, read, watching } = session();
    await pass(5 * MINUTE);
    void read();
    await turns();
    assert.deepEqual(seen, [], 'what went by while it slept is not told as news');
    watching.stop();
  });

  it('are left out unless asked for', async () => {
    const { seen, state, read } = session({ bookmarks: false, timeoutMs: 10 * MINUTE });
    void read();
    await pass(10 * MINUTE);
    assert.deepEqual([seen, state.ended], [[], true]);
  });

  it('mark the end of initial events, also when there are none', async () => {
    const { seen, read, watching } = session({ endOfInitial: 12 });
    void read();
    await turns();
    assert.deepEqual(seen[0]?.literal?.metadata, {
      resourceVersion: '12',
      annotations: { [INITIAL_EVENTS_END]: 'true' },
    });
    watching.stop();
  });
});

describe('the end of a watch', () => {
  const CASES: [what: string, expired: boolean, items: number][] = [
    ['a reader that fell behind is told 410', true, 1],
    ['a cache that stops says nothing', false, 0],
  ];
  for (const [what, expired, items] of CASES) {
    it(what, async () => {
      const { watch, seen, state, read } = session();
      const reading = read();
      await turns();
      await watch.end(expired);
      await reading;
      assert.equal(state.ended, true);
      assert.equal(seen.length, items);
      if (expired) assert.equal((seen[0]!.literal as { code?: number }).code, 410);
      assert.equal(watch.stopped, true);
    });
  }
});
