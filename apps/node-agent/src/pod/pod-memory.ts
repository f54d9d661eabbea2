import type { ResourceRequirements } from '#kinds';
import type { CgroupLimits } from '../runtime/cgroups.js';

export interface BackoffEntry {
  /** Milliseconds to wait after the next event. */
  readonly delay: number;
  /** When `delay` was last raised; ms. */
  readonly raisedAt: number;
}

/** Why a container waits, as its status says it. */
export interface WaitReason {
  readonly reason: string;
  readonly message: string;
}

export interface ImageProgress {
  /** As the container named it then: another one is tried at once. */
  readonly image: string | undefined;
  /** The start that this is for: a restart with policy Always pulls again. */
  readonly restartCount: number;
  /** Set once the image is on the node. */
  readonly imageRef?: string;
  readonly failure?: WaitReason;
  /** When the next try may begin; ms. */
  readonly retryAt?: number;
  /** What was waited for last; ms. */
  readonly delay?: number;
  /** The registry was asked: until the next try the container is in ImagePullBackOff. */
  readonly pulled?: boolean;
}

export interface Failure extends WaitReason {
  /** When the next try may begin; ms. */
  readonly retryAt: number;
  /** What was waited for last; ms. */
  readonly delay?: number;
}

/** Why the agent itself ended a pod. */
export interface PodFailure extends WaitReason {
  /** Seconds, instead of the pod's own. */
  readonly graceSeconds?: number;
  /** The pod is a victim of something else on the node: what its DisruptionTarget condition says. */
  readonly disruption?: string;
}

export type ProbeResult = 'unknown' | 'success' | 'failure';

export interface ProbeResults {
  readonly startup: ProbeResult;
  readonly liveness: ProbeResult;
  readonly readiness: ProbeResult;
}

export interface KillOrder {
  /** When the order came; ms. */
  readonly at: number;
  readonly graceSeconds: number;
}

/** What is known of one volume of a pod on this node. */
export type VolumeState =
  /** An earlier agent left it on the disk; whether it is whole is not known. */
  | { readonly phase: 'found' }
  | {
      readonly phase: 'mounted';
      /** On the host. */
      readonly path: string;
      /** What its content follows has changed. */
      readonly stale?: boolean;
    }
  | {
      readonly phase: 'mountFailed';
      readonly failure: Failure;
      /** It failed for its image: what containers that mount it wait for. */
      readonly waiting?: WaitReason;
    }
  | { readonly phase: 'unmountFailed'; readonly failure: Failure };

/**
 * What the agent knows of a pod beyond the API and the runtime: tries, failures, steps under way, probe results. It is
 * an input of the plan. Nobody changes it: the pod's worker replaces it, by what steps yield and by what it decides
 * itself. It may be lost with the process: the plan then starts over from what runs.
 */
export interface PodMemory {
  /** By name; a volume that is not here is absent. One whose step is under way is being mounted, updated or unmounted. */
  readonly volumes: ReadonlyMap<string, VolumeState>;
  /** The pod's folder and its cgroup are there. */
  readonly cgroupReady: boolean;
  /** What the pod's cgroup has; unknown after a start of the agent. */
  readonly cgroupLimits?: CgroupLimits;
  /** What was granted has changed since. */
  readonly cgroupStale: boolean;
  /** By container name: what the node lets the pod have. */
  readonly granted?: ReadonlyMap<string, ResourceRequirements>;
  /** By container id: what the runtime was told. */
  readonly applied: ReadonlyMap<string, ResourceRequirements>;
  /** Why the node does not grant what the spec asks for: Deferred or Infeasible. */
  readonly resizePending?: WaitReason;
  readonly resizeFailure?: Failure;
  /** An event said that a resize began: another one is to say that it is complete. */
  readonly resizeAnnounced: boolean;
  readonly sandboxFailure?: Failure;
  /** By container name. */
  readonly images: ReadonlyMap<string, ImageProgress>;
  /** By container name: the last start that failed before the container ran. */
  readonly startFailures: ReadonlyMap<string, Failure & { readonly sandboxId: string }>;
  /** By container name: restarts after exits. */
  readonly backoffs: ReadonlyMap<string, BackoffEntry>;
  /** Keys of steps under way. */
  readonly inFlight: ReadonlySet<string>;
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeResults>;
  /** By container id: the kernel killed a process of it for memory. */
  readonly outOfMemory: ReadonlySet<string>;
  /** The node took the pod (true) or refused it; undefined while that is not decided. */
  readonly admitted?: boolean;
  /** The agent itself ended the pod (deadline, admission, eviction); its phase is Failed. */
  readonly failed?: PodFailure;
  /** Set when the pod must go: by deletion, by its end, or by failure. */
  readonly kill?: KillOrder;
  /** Keys of preStop hooks that were run before their container's turn to stop. */
  readonly preStopHooks: ReadonlySet<string>;
  /** Sandboxes whose network has been torn down by us. */
  readonly stoppedSandboxes: ReadonlySet<string>;
  /** `released`: volumes and cgroup are given back, logs stay. `removed`: nothing of the pod is left on the node. */
  readonly cleaned: 'no' | 'released' | 'removed';
  /** The API server was told that nothing of the pod is left here. */
  readonly deleted: boolean;
  /** The disk is full: dead containers of a pod that has ended need not stay for their logs. */
  readonly discardContainers: boolean;
  /** Keys of back-offs that an event has told of. */
  readonly announcedBackoffs: ReadonlySet<string>;
  /** By container id: what an exited container left as its termination message. */
  readonly terminationMessages: ReadonlyMap<string, string>;
}

export function newMemory(): PodMemory {
  return {
    volumes: new Map(),
    cgroupReady: false,
    cgroupStale: false,
    applied: new Map(),
    resizeAnnounced: false,
    images: new Map(),
    startFailures: new Map(),
    backoffs: new Map(),
    inFlight: new Set(),
    probes: new Map(),
    outOfMemory: new Set(),
    preStopHooks: new Set(),
    stoppedSandboxes: new Set(),
    cleaned: 'no',
    deleted: false,
    discardContainers: false,
    announcedBackoffs: new Set(),
    terminationMessages: new Map(),
  };
}
