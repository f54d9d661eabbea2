import type { ResourceRequirements } from '#kinds';
import type { CgroupLimits } from '../runtime/cgroups.js';

export interface BackoffEntry {
  /** Milliseconds to wait after the next event. */
  delay: number;
  /** When `delay` was last raised; ms. */
  raisedAt: number;
}

/** Why a container waits, as its status says it. */
export interface WaitReason {
  reason: string;
  message: string;
}

export interface ImageProgress {
  /** As the container named it then: another one is tried at once. */
  image: string | undefined;
  /** The start that this is for: a restart with policy Always pulls again. */
  restartCount: number;
  /** Set once the image is on the node. */
  imageRef?: string;
  failure?: WaitReason;
  /** When the next try may begin; ms. */
  retryAt?: number;
  /** What was waited for last; ms. */
  delay?: number;
  /** The registry was asked: until the next try the container is in ImagePullBackOff. */
  pulled?: boolean;
}

export interface Failure extends WaitReason {
  /** When the next try may begin; ms. */
  retryAt: number;
  /** What was waited for last; ms. */
  delay?: number;
}

/** Why the agent itself ended a pod. */
export interface PodFailure extends WaitReason {
  /** Seconds, instead of the pod's own. */
  graceSeconds?: number;
  /** The pod is a victim of something else on the node: what its DisruptionTarget condition says. */
  disruption?: string;
}

export type ProbeResult = 'unknown' | 'success' | 'failure';

export interface ProbeResults {
  startup: ProbeResult;
  liveness: ProbeResult;
  readiness: ProbeResult;
}

export interface KillOrder {
  /** When the order came; ms. */
  at: number;
  graceSeconds: number;
}

/**
 * What the agent knows of a pod beyond the API and the runtime: tries, failures, steps under way, probe results. It is
 * an input of the plan, changed only by what became of steps, and may be lost with the process: the plan then starts
 * over from what runs.
 */
export interface PodMemory {
  /** The pod's folder, cgroup and volumes are ready. */
  volumes: 'absent' | 'ready';
  /** With a name: the volume whose image is missing, as the containers that mount it then say. */
  volumeFailure?: Failure & { volume?: string };
  cgroupReady: boolean;
  /** What the pod's cgroup has; unknown after a start of the agent. */
  cgroupLimits?: CgroupLimits;
  /** What was granted has changed since. */
  cgroupStale: boolean;
  /** By container name: what the node lets the pod have. */
  granted?: Map<string, ResourceRequirements>;
  /** By container id: what the runtime was told. */
  applied: Map<string, ResourceRequirements>;
  /** Why the node does not grant what the spec asks for: Deferred or Infeasible. */
  resizePending?: WaitReason;
  resizeFailure?: Failure;
  /** Told by an event that it began; its end is to be told, too. */
  resizeTold?: boolean;
  sandboxFailure?: Failure;
  images: Map<string, ImageProgress>;
  /** By container name: the last start that failed before the container ran. */
  startFailures: Map<string, Failure & { sandboxId: string }>;
  /** By container name: restarts after exits. */
  backoffs: Map<string, BackoffEntry>;
  /** Keys of steps under way. */
  inFlight: Set<string>;
  /** By container id. */
  probes: Map<string, ProbeResults>;
  /** By container id: the kernel killed a process of it for memory. */
  outOfMemory: Set<string>;
  /** The node took the pod (true) or refused it; undefined while that is not decided. */
  admitted?: boolean;
  /** The agent itself ended the pod (deadline, admission, eviction); its phase is Failed. */
  failed?: PodFailure;
  /** Set when the pod must go: by deletion, by its end, or by failure. */
  kill?: KillOrder;
  /** Keys of preStop hooks that were begun before their container's turn to stop. */
  stopHooks: Set<string>;
  /** Sandboxes whose network has been torn down by us. */
  stoppedSandboxes: Set<string>;
  /** `released`: volumes and cgroup are given back, logs stay. `removed`: nothing of the pod is left on the node. */
  cleaned: 'no' | 'released' | 'removed';
  /** The disk is full: dead containers of a pod that has ended need not stay for their logs. */
  discard?: boolean;
  /** What was told once by an event: back-offs by container id or image try. */
  noted: Set<string>;
  /** By container id: what an exited container left as its termination message. */
  messages: Map<string, string>;
}

export function newMemory(): PodMemory {
  return {
    volumes: 'absent',
    cgroupReady: false,
    cgroupStale: false,
    applied: new Map(),
    images: new Map(),
    startFailures: new Map(),
    backoffs: new Map(),
    inFlight: new Set(),
    probes: new Map(),
    outOfMemory: new Set(),
    stopHooks: new Set(),
    stoppedSandboxes: new Set(),
    cleaned: 'no',
    messages: new Map(),
    noted: new Set(),
  };
}
