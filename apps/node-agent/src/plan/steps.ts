import type { ContainerKind } from '../pod/pod.js';
import type { BackoffEntry } from '../pod/pod-memory.js';

/** What to do next for one pod. A step's key names what it works on: no two steps of one key run at once. */
export type Step =
  | { type: 'makeCgroup'; key: string }
  | { type: 'mountVolume'; key: string; volume: string }
  /** Brings the content of a mounted volume up to date. */
  | { type: 'updateVolume'; key: string; volume: string }
  | { type: 'unmountVolume'; key: string; volume: string }
  | { type: 'runSandbox'; key: string; attempt: number }
  | { type: 'ensureImage'; key: string; container: string; kind: ContainerKind; restartCount: number }
  | {
      type: 'startContainer';
      key: string;
      container: string;
      kind: ContainerKind;
      sandboxId: string;
      restartCount: number;
      imageRef: string;
      /** What the crash-loop memory becomes. */
      backoff?: BackoffEntry;
    }
  | {
      type: 'killContainer';
      key: string;
      id: string;
      container: string;
      /** Seconds until SIGKILL, hooks included. */
      graceSeconds: number;
      /** Its preStop hook was run before its turn came. */
      hooked?: boolean;
      reason: KillReason;
      message: string;
    }
  /** Runs the preStop hook of a container whose turn to stop has not come; seconds that it may take. */
  | { type: 'preStop'; key: string; id: string; container: string; graceSeconds: number }
  /** Gives running containers, and the pod's cgroup, what the node has granted anew. */
  | { type: 'resizePod'; key: string }
  /** Tells by an event, once for each exit or failed pull, that the container waits for its next try. */
  | { type: 'announceBackoff'; key: string; container: string; cause: 'crash' | 'image' }
  | { type: 'removeContainer'; key: string; id: string }
  | { type: 'stopSandbox'; key: string; id: string }
  | { type: 'removeSandbox'; key: string; id: string }
  /** Removes the cgroup and what is left of volumes; with `everything`, also the pod's folders and logs. */
  | { type: 'cleanUp'; key: string; everything: boolean }
  /** Tells the API server that nothing of the pod is left here. */
  | { type: 'deletePod'; key: string };

/** Steps that the runtime knows nothing of: after any other one the pod is looked at again. */
const WITHOUT_RUNTIME: ReadonlySet<Step['type']> = new Set([
  'makeCgroup',
  'mountVolume',
  'updateVolume',
  'unmountVolume',
  'ensureImage',
  'announceBackoff',
  'preStop',
  'cleanUp',
  'deletePod',
  'resizePod',
]);

export function changesRuntime({ type }: Step): boolean {
  return !WITHOUT_RUNTIME.has(type);
}

export type KillReason =
  | 'Deleted'
  | 'Liveness'
  | 'Startup'
  | 'SpecChanged'
  | 'SandboxGone'
  | 'Finished'
  | 'Resize'
  | 'Unknown';

export interface Plan {
  steps: Step[];
  /** When to plan again although nothing has happened; ms. */
  wakeAt: number | undefined;
}
