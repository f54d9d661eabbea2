import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#client';
import type { PodSpec } from '#kinds';
import { DEFAULT_THRESHOLDS, parseThresholds } from '#settings';
import type { PodFailure } from '../pod/pod-memory.js';
import { aPod, aUsage, NOW } from '../testing/pod-builders.js';
import { Eviction, type Resident } from './eviction.js';
import type { UsageReader } from './usage-reader.js';

const GIB = 2 ** 30;

class FakeResident implements Resident {
  failure: PodFailure | undefined;
  /** Its containers. */
  hasStopped = false;
  readonly leaving = false;
  released = false;
  readonly pod;

  constructor(
    name: string,
    readonly memory: number,
    spec: Partial<PodSpec> = {},
  ) {
    this.pod = aPod(spec, {}, { name, uid: name });
  }

  get ended(): boolean {
    return this.failure !== undefined;
  }

  end(failure: PodFailure): void {
    this.failure = failure;
  }
}

/** A node with these pods, and what became of them. */
function aNode(residents: FakeResident[], low: { memory?: boolean; disk?: boolean }) {
  const done: string[] = [];
  const state = {
    looks: 0,
    memory: 2 * GIB,
    disk: 50,
    ...(low.memory ? { memory: 1 } : {}),
    ...(low.disk ? { disk: 5 } : {}),
  };
  const eviction = new Eviction({
    thresholds: parseThresholds(DEFAULT_THRESHOLDS),
    measure: async () => {
      state.looks++;
      const disk = { capacity: 100, available: state.disk, inodes: 100, inodesFree: 50 };
      return {
        memory: { available: state.memory, capacity: 4 * GIB },
        filesystems: { node: disk, image: disk, imageIsApart: false },
        processes: { running: 1, limit: 100 },
      };
    },
    usages: {
      read: async (pods: readonly { metadata: { uid: string } }[]) =>
        new Map(
          residents
            .filter(({ pod }) => pods.includes(pod))
            .map(({ pod, memory }) => [pod.metadata.uid, aUsage({ memory })]),
        ),
    } as unknown as UsageReader,
    images: {
      removeUnused: async () => {
        done.push('images');
      },
    },
    discardEnded: async () => {
      done.push('containers');
    },
    occupants: () => residents.filter(({ hasStopped }) => !hasStopped),
    node: () => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } }),
    events: { event: (object, _type, reason) => void done.push(`${object.metadata.name} ${reason}`) },
    logger: silentLogger,
    now: () => NOW,
  });
  return { eviction, done, state };
}

describe('A node under pressure', () => {
  test('one that has plenty leaves everybody alone', async () => {
    const { eviction, done } = aNode([new FakeResident('web', GIB)], {});
    assert.deepEqual(await eviction.synchronize(), []);
    assert.deepEqual([done, eviction.conditions], [[], []]);
  });

  test('evicts one pod at a time, and no critical one', async () => {
    const pods = [
      new FakeResident('vital', 3 * GIB, { priority: 2_000_000_000 }),
      new FakeResident('small', 1),
      new FakeResident('large', GIB),
    ];
    const { eviction, done } = aNode(pods, { memory: true });
    const [gone, ...others] = await eviction.synchronize();
    assert.deepEqual([gone?.pod.metadata.name, others], ['large', []]);
    assert.deepEqual(eviction.conditions, ['MemoryPressure']);
    assert.deepEqual(done, ['node-1 EvictionThresholdMet', 'large Evicted']);
    const { failure } = pods[2]!;
    assert.deepEqual([failure?.reason, failure?.graceSeconds], ['Evicted', 1]);
    assert.equal(failure?.disruption, failure?.message);
    await eviction.synchronize();
    await eviction.synchronize();
    assert.deepEqual(
      pods.map(({ ended }) => ended),
      [false, true, true],
    );
  });

  test('a full disk loses dead containers and images first', async () => {
    const pods = [new FakeResident('web', 1)];
    const { eviction, done, state } = aNode(pods, { disk: true });
    const removed = eviction.synchronize();
    state.disk = 50;
    assert.deepEqual(await removed, []);
    assert.deepEqual(done, ['node-1 EvictionThresholdMet', 'containers', 'images']);
    assert.deepEqual(eviction.conditions, ['DiskPressure']);
    state.disk = 5;
    assert.equal((await eviction.synchronize()).length, 1);
    assert.match(pods[0]!.failure!.message, /^The node was low on resource: ephemeral-storage\. /);
  });

  test('is not looked at again before the files of the evicted pod are gone, too', async () => {
    const pods = [new FakeResident('web', 2), new FakeResident('other', 1)];
    const { eviction, done, state } = aNode(pods, { memory: true });
    const stop = new AbortController();
    const until = async (holds: () => boolean) => {
      for (let i = 0; i < 500 && !holds(); i++) await sleep(10);
      assert.ok(holds());
    };
    const running = eviction.run(stop.signal);
    await until(() => pods[0]!.ended);
    pods[0]!.hasStopped = true;
    await sleep(500);
    assert.deepEqual(done, ['node-1 EvictionThresholdMet', 'web Evicted']);
    state.memory = 2 * GIB;
    pods[0]!.released = true;
    await until(() => state.looks === 2);
    stop.abort();
    await running;
    assert.equal(pods[1]!.ended, false);
  });
});
