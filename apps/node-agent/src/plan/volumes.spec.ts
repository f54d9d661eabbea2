import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { VolumeState } from '../pod/pod-memory.js';
import { aMemory, aPod, NOW } from '../testing/pod-builders.js';
import { remember } from './outcomes.js';
import { allMounted, planMounts, planUnmounts, volumeKey } from './volumes.js';

const NAMES = ['a', 'b', 'c'] as const;

const failure = fc
  .integer({ min: -1000, max: 1000 })
  .map((wait) => ({ reason: '', message: 'no', retryAt: NOW + wait, delay: 500 }));
const anyState: fc.Arbitrary<VolumeState> = fc.oneof(
  fc.constant<VolumeState>({ phase: 'found' }),
  fc.boolean().map((stale): VolumeState => ({ phase: 'mounted', path: '/x', stale })),
  failure.map((failed): VolumeState => ({ phase: 'mountFailed', failure: failed })),
  failure.map((failed): VolumeState => ({ phase: 'unmountFailed', failure: failed })),
);
const anyName = fc.constantFrom(...NAMES);
const anyMemory = fc
  .record({ states: fc.dictionary(anyName, anyState), inFlight: fc.uniqueArray(anyName) })
  .map(({ states, inFlight }) =>
    aMemory((draft) => {
      for (const [name, state] of Object.entries(states)) draft.volumes.set(name, state);
      for (const name of inFlight) draft.inFlight.add(volumeKey(name));
    }),
  );
const pod = aPod({ volumes: NAMES.map((name) => ({ name, emptyDir: {} })) });

describe('Volumes, whatever is known of them', () => {
  test('have one step at a time, and each its own', () => {
    fc.assert(
      fc.property(anyMemory, (memory) => {
        for (const { steps } of [planMounts(pod, memory, NOW), planUnmounts(memory, NOW)]) {
          const keys = steps.map(({ key }) => key);
          assert.equal(new Set(keys).size, keys.length);
          assert.ok(keys.every((key) => !memory.inFlight.has(key)));
        }
      }),
    );
  });

  test('are mounted unless they are already, have a step under way, or wait, which the wake-up ends', () => {
    fc.assert(
      fc.property(anyMemory, (memory) => {
        const { steps, wakeAt } = planMounts(pod, memory, NOW);
        for (const name of NAMES) {
          const state = memory.volumes.get(name);
          const waits = state?.phase === 'mountFailed' && state.failure.retryAt > NOW;
          const busy = memory.inFlight.has(volumeKey(name));
          const planned = steps.some((step) => step.type === 'mountVolume' && step.volume === name);
          assert.equal(planned, state?.phase !== 'mounted' && !busy && !waits);
          if (waits && !busy) assert.ok(wakeAt !== undefined && wakeAt <= state.failure.retryAt);
        }
      }),
    );
  });

  test('all go in the end, and all come, when every step succeeds', () => {
    fc.assert(
      fc.property(anyMemory, (known) => {
        const idle = aMemory((draft) => draft.inFlight.clear(), known);
        const later = NOW + 10_000;
        const mounted = planMounts(pod, idle, later).steps.reduce((memory, step) => {
          if (step.type !== 'mountVolume') return memory;
          return remember(memory, { type: 'volumeMounted', volume: step.volume, path: '/x' }, later);
        }, idle);
        assert.ok(allMounted(pod, mounted));
        const gone = planUnmounts(mounted, later).steps.reduce((memory, step) => {
          if (step.type !== 'unmountVolume') return memory;
          return remember(memory, { type: 'volumeUnmounted', volume: step.volume }, later);
        }, mounted);
        assert.equal(gone.volumes.size, 0);
      }),
    );
  });
});
