import { formatTime } from '#apimachinery';
import type { ContainerState, ContainerStatus, Time } from '#kinds';
import { newest, type ObservedContainer, type ObservedPod } from '../observe/observed-pod.js';
import { backoffOf, CRASH_LOOP, waitUntil } from '../plan/backoff.js';
import { outcome, restarts } from '../plan/phase.js';
import { appliedTo } from '../plan/resize.js';
import { goDuration } from '../pod/go-duration.js';
import { type Container, type ContainerKind, isSidecar, type Pod } from '../pod/pod.js';
import type { PodMemory, WaitReason } from '../pod/pod-memory.js';

export interface ReportInput {
  pod: Pod;
  observed: ObservedPod;
  memory: PodMemory;
  now: number;
  /** Scheme of container ids: `containerd`. */
  runtimeName: string;
}

/** A status that the agent has written: what the API leaves optional is there. */
export type ReportedContainer = ContainerStatus & Required<Pick<ContainerStatus, 'state' | 'lastState'>>;

/** Go's zero time: null in JSON, where the types of the API name texts only. */
export const NO_TIME = null as unknown as Time;

export function containerStatus(input: ReportInput, container: Container, kind: ContainerKind): ReportedContainer {
  const { observed, pod } = input;
  const current = newest(observed, container.name);
  const earlier = observed.containers.find(
    (other) => other.name === container.name && other !== current && other.state === 'exited',
  );
  const known = knownStatus(pod, container.name, kind);
  const status: ReportedContainer = {
    name: container.name,
    state: {},
    lastState: {},
    ready: false,
    restartCount: current?.restartCount ?? known?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: current?.imageRef ?? '',
  };
  if (current) status.containerID = `${input.runtimeName}://${current.id}`;
  status.started = false;
  if (!current) {
    // A container that ran here before the runtime lost it keeps its record.
    if (known?.state?.terminated) {
      return { ...known, state: known.state, lastState: known.lastState ?? {}, image: known.image || status.image };
    }
    status.state = { waiting: waitingReason(input, container, kind) };
    if (known?.lastState?.terminated) status.lastState = known.lastState;
  } else if (current.state === 'running') {
    status.state = { running: { startedAt: formatTime(new Date(current.startedAt)) } };
    Object.assign(status, readiness(input, container, current));
  } else if (current.state === 'exited') {
    const wait = restartWait(input, container, kind, current);
    const terminated = terminatedState(input, current);
    if (wait) {
      status.state = { waiting: wait };
      status.lastState = { terminated };
    } else status.state = { terminated };
    if (kind === 'init' && current.exitCode === 0) status.ready = true;
  } else {
    status.state = { waiting: waitingReason(input, container, kind) };
  }
  if (earlier && !status.lastState.terminated) status.lastState = { terminated: terminatedState(input, earlier) };
  addResources(input, status, container, current);
  addMounts(status, container);
  if (current?.user) status.user = { linux: current.user };
  if (container.lifecycle?.stopSignal) status.stopSignal = container.lifecycle.stopSignal;
  return status;
}

function knownStatus(pod: Pod, name: string, kind: ContainerKind): ContainerStatus | undefined {
  const { status } = pod;
  const list = {
    init: status?.initContainerStatuses,
    container: status?.containerStatuses,
    ephemeral: status?.ephemeralContainerStatuses,
  }[kind];
  return list?.find((entry) => entry.name === name);
}

function readiness(
  { memory }: ReportInput,
  container: Container,
  current: ObservedContainer,
): { started: boolean; ready: boolean } {
  const results = memory.probes.get(current.id);
  const started = !container.startupProbe || results?.startup === 'success';
  const ready = started && (!container.readinessProbe || results?.readiness === 'success');
  return { started, ready };
}

function waitingReason(input: ReportInput, container: Container, kind: ContainerKind): WaitReason | { reason: string } {
  const { memory, pod } = input;
  const failure = memory.startFailures.get(container.name);
  if (failure) return { reason: failure.reason, message: failure.message };
  const image = memory.images.get(container.name)?.failure;
  if (image) return image;
  for (const { name } of container.volumeMounts ?? []) {
    const volume = memory.volumes.get(name);
    if (volume?.phase === 'mountFailed' && volume.waiting) return volume.waiting;
  }
  const waitsForInit = kind !== 'ephemeral' && (pod.spec.initContainers?.length ?? 0) > 0;
  return { reason: waitsForInit ? 'PodInitializing' : 'ContainerCreating' };
}

/** Why an exited container that starts again has not started yet; undefined when it is simply terminated. */
function restartWait(
  input: ReportInput,
  container: Container,
  kind: ContainerKind,
  current: ObservedContainer,
): WaitReason | undefined {
  const { pod, memory, observed, now } = input;
  if (kind === 'ephemeral' || pod.metadata.deletionTimestamp || outcome(pod, observed, memory)) return undefined;
  if (kind === 'init' && !isSidecar(container, kind) && current.exitCode === 0) return undefined;
  if (!restarts(pod, container, isSidecar(container, kind), current.exitCode)) return undefined;
  const failure = memory.startFailures.get(container.name);
  if (failure) return { reason: failure.reason, message: failure.message };
  const image = memory.images.get(container.name)?.failure;
  if (image) return image;
  const entry = backoffOf(memory.backoffs.get(container.name), container, current.hash);
  if (!entry || waitUntil(entry, current.finishedAt, CRASH_LOOP) <= now) return undefined;
  return { reason: 'CrashLoopBackOff', message: crashLoopMessage(pod, container.name, entry.delay) };
}

export function crashLoopMessage(pod: Pod, container: string, delay: number): string {
  const { name, namespace, uid } = pod.metadata;
  return `back-off ${goDuration(delay)} restarting failed container=${container} pod=${name}_${namespace}(${uid})`;
}

function terminatedState(
  { pod, memory, runtimeName }: ReportInput,
  container: ObservedContainer,
): NonNullable<ContainerState['terminated']> {
  const oom = memory.outOfMemory.has(container.id) && container.exitCode !== 0;
  const reason = oom ? 'OOMKilled' : container.reason || (container.exitCode === 0 ? 'Completed' : 'Error');
  const message = shortened(memory.terminationMessages.get(container.id) || container.message, pod);
  return {
    exitCode: container.exitCode,
    reason,
    ...(message ? { message } : {}),
    startedAt: time(container.startedAt),
    finishedAt: time(container.finishedAt),
    containerID: `${runtimeName}://${container.id}`,
  };
}

/** Bytes that the messages of all containers of a pod may have: each has its share. */
const MESSAGES = 12 * 1024;

function shortened(message: string, { spec }: Pod): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = spec;
  const share = Math.floor(MESSAGES / (containers.length + initContainers.length + ephemeralContainers.length));
  const bytes = Buffer.from(message);
  return bytes.length <= share ? message : bytes.subarray(0, share).toString();
}

function time(ms: number): Time {
  return ms > 0 ? formatTime(new Date(ms)) : NO_TIME;
}

/** `allocatedResources` is what the node has granted, `resources` what the container has by now. */
function addResources(
  { pod, memory }: ReportInput,
  status: ContainerStatus,
  container: Container,
  current: ObservedContainer | undefined,
): void {
  if (current?.state !== 'running') return;
  const granted = container.resources?.requests;
  if (granted && Object.keys(granted).length > 0) status.allocatedResources = granted;
  const { requests, limits } = appliedTo(pod, memory, container, current);
  status.resources = { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) };
}

function addMounts(status: ContainerStatus, container: Container): void {
  if (!container.volumeMounts?.length) return;
  status.volumeMounts = container.volumeMounts.map((mount) => ({
    name: mount.name,
    mountPath: mount.mountPath,
    ...(mount.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
  }));
}
