import type { Pod } from '../pod/pod.js';

/** What the runtime says of one pod; the plan and the report read nothing else of it. Times in ms since the epoch. */

export type ObservedState = 'created' | 'running' | 'exited' | 'unknown';

export interface ObservedContainer {
  id: string;
  name: string;
  sandboxId: string;
  state: ObservedState;
  restartCount: number;
  /** The container's spec hash, '' when it was not made by an agent. */
  hash: string;
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  message: string;
  image: string;
  /** What runs, as the runtime names it. */
  imageRef: string;
  annotations: Record<string, string>;
  /** Host file of the termination message; '' when there is none. */
  messageFile: string;
  logPath: string;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
  resources?: { cpuQuota: number; cpuPeriod: number; cpuShares: number; memoryLimit: number };
}

export interface ObservedSandbox {
  id: string;
  attempt: number;
  ready: boolean;
  createdAt: number;
  /** Empty for a pod on the host network. */
  ips: string[];
  hostNetwork: boolean;
}

export interface ObservedPod {
  uid: string;
  name: string;
  namespace: string;
  /** Newest first. */
  sandboxes: ObservedSandbox[];
  /** Newest first. */
  containers: ObservedContainer[];
}

export function emptyObserved(uid: string, namespace: string, name: string): ObservedPod {
  return { uid, namespace, name, sandboxes: [], containers: [] };
}

/** The newest container of that name. */
export function newest(pod: ObservedPod, name: string): ObservedContainer | undefined {
  return pod.containers.find((container) => container.name === name);
}

export function isLive(container: ObservedContainer): boolean {
  return container.state === 'running' || container.state === 'created' || container.state === 'unknown';
}

/** Addresses of the pod: the node's when it has no network of its own; none while there is no sandbox. */
export function podIPs(pod: Pod, observed: ObservedPod, hostIPs: string[]): string[] {
  if (pod.spec.hostNetwork) return hostIPs;
  return observed.sandboxes.find((sandbox) => sandbox.ready)?.ips ?? [];
}
