import type { ObservedPod } from '../observe/observed-pod.js';
import type { Pod } from '../pod/pod.js';
import type { PodMemory } from '../pod/pod-memory.js';

/** All that is known of one pod. A view: who keeps it sees what the pod's worker, which alone changes it, knows by then. */
export interface PodState {
  /** With what the node grants in place of what the spec asks for. */
  readonly pod: Pod;
  /** Gone from the API server without our consent, or never there: only the runtime still knows it. */
  readonly removed: boolean;
  readonly observed: ObservedPod;
  readonly memory: PodMemory;
}

export interface PlanInput extends PodState {
  readonly now: number;
}
