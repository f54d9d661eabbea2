import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#client';
import type { LifecycleHandler } from '#kinds';
import type { PodState } from '../plan/pod-state.js';
import { aContainer, aMemory, anObserved, aPod } from '../testing/pod-builders.js';
import { postStart } from './post-start.js';
import type { StepServices } from './step-services.js';

describe('a postStart hook', () => {
  /** What was told and done, while the hook runs. */
  function started(handler: LifecycleHandler) {
    const done: string[] = [];
    const container = aContainer('main', { lifecycle: { postStart: handler } });
    const state: { -readonly [K in keyof PodState]: PodState[K] } = {
      pod: aPod({ containers: [container] }),
      removed: false,
      observed: anObserved(),
      memory: aMemory(),
    };
    const services = {
      runtime: {
        execSync: async () => ({ exitCode: 1, stdout: '', stderr: '' }),
        stopContainer: async (id: string, grace: number) => void done.push(`stop ${id} ${grace}`),
      },
      node: { hostIPs: [] },
      events: { event: (_pod: unknown, _type: string, reason: string) => void done.push(reason) },
      logger: silentLogger,
      now: Date.now,
    } as unknown as StepServices;
    return { done, state, ended: postStart(services, state, container, 'c1') };
  }

  test('that fails stops its container', async () => {
    const { done, ended } = started({ exec: { command: ['false'] } });
    await ended;
    assert.deepEqual(done, ['FailedPostStartHook', 'Killing', 'stop c1 30']);
  });

  test('is waited for, but not by a pod that must go', async () => {
    const { done, state, ended } = started({ sleep: { seconds: 3 } });
    const first = Promise.race([ended.then(() => 'ended'), sleep(300).then(() => 'runs')]);
    assert.equal(await first, 'runs');
    state.memory = aMemory((draft) => (draft.kill = { at: 0, graceSeconds: 30 }));
    assert.equal(await Promise.race([ended.then(() => 'ended'), sleep(1500).then(() => 'runs')]), 'ended');
    assert.deepEqual(done, []);
  });
});
