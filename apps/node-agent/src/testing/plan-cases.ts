import assert from 'node:assert/strict';
import type { ObservedPod } from '../observe/observed-pod.js';
import { plan } from '../plan/plan.js';
import { killOrder } from '../plan/termination.js';
import type { Pod } from '../pod/pod.js';
import type { VolumeState } from '../pod/pod-memory.js';
import { aContainer, aMemory, anObserved, aPod, frozen, type MemoryDraft, NOW } from './pod-builders.js';

/** What is known of a pod, and the steps that follow from it. */
export interface PlanCase {
  title: string;
  pod?: Pod;
  removed?: boolean;
  observed?: ObservedPod;
  memory?: (memory: MemoryDraft) => unknown;
  /** `type name-or-id`. */
  steps: string[];
  /** Milliseconds. */
  wakeIn?: number;
}

/** A test a case; the planner gets what nobody can change. */
export function testPlans(cases: readonly PlanCase[]): void {
  for (const { title, pod = aPod(), removed = false, observed = anObserved(), memory: write, steps, wakeIn } of cases) {
    test(title, () => {
      const input = frozen({ pod, removed, observed, memory: aMemory(write), now: NOW });
      const kill = killOrder(input);
      const result = plan({ ...input, memory: aMemory((memory) => (memory.kill = kill), input.memory) });
      const names = result.steps.map((step) => {
        const what =
          'id' in step ? step.id : 'container' in step ? step.container : 'volume' in step ? step.volume : undefined;
        return what ? `${step.type} ${what}` : step.type;
      });
      assert.deepEqual(names, steps);
      if (wakeIn !== undefined) assert.equal(result.wakeAt, NOW + wakeIn);
    });
  }
}

/** The cgroup is there. */
export const prepared = (memory: MemoryDraft): void => {
  memory.cgroupReady = true;
};

export const deleted = { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 };
export const sidecar = aContainer('side', { restartPolicy: 'Always' });

export const withVolumes = aPod({
  volumes: [
    { name: 'data', emptyDir: {} },
    { name: 'config', configMap: { name: 'c' } },
  ],
});
export const mounted: VolumeState = { phase: 'mounted', path: '/volumes/x' };
export const stale: VolumeState = { phase: 'mounted', path: '/volumes/x', stale: true };
const failure = (wait: number) => ({ reason: '', message: 'no', retryAt: NOW + wait, delay: 500 });
/** Tried again after so many milliseconds. */
export const mountFailed = (wait: number): VolumeState => ({ phase: 'mountFailed', failure: failure(wait) });
export const unmountFailed = (wait: number): VolumeState => ({ phase: 'unmountFailed', failure: failure(wait) });
