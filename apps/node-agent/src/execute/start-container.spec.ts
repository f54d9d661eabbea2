import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#client';
import type { LifecycleHandler } from '#kinds';
import { newMemory } from '../pod/pod-memory.js';
import { aContainer, anObserved, aPod } from '../testing/pod-builders.js';
import type { Execution, PodState } from './execution.js';
import { postStart } from './start-container.js';

describe('a postStart hook', () => {
  /** What was told and done, while the hook runs. */
  function started(handler: LifecycleHandler) {
    const done: string[] = [];
    const container = aContainer('main', { lifecycle: { postStart: handler } });
    const state: PodState = {
      pod: aPod({ containers: [container] }),
      removed: false,
      observed: anObserved(),
      memory: newMemory(),
      volumes: new Map(),
    };
    const execution = {
      runtime: {
        execSync: async () => ({ exitCode: 1, stdout: '', stderr: '' }),
        stopContainer: async (id: string, grace: number) => void done.push(`stop ${id} ${grace}`),
      },
      node: { hostIPs: [] },
      events: { event: (_pod: unknown, _type: string, reason: string) => void done.push(reason) },
      logger: silentLogger,
      now: Date.now,
    } as unknown as Execution;
    return { done, state, ended: postStart(execution, state, { container: 'main' }, container, 'c1') };
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
    state.memory.kill = { at: 0, graceSeconds: 30 };
    assert.equal(await Promise.race([ended.then(() => 'ended'), sleep(1500).then(() => 'runs')]), 'ended');
    assert.deepEqual(done, []);
  });
});
