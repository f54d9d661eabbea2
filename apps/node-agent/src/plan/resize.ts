import { milliValueOf, ownValue } from '#apimachinery';
import type { ContainerStatus, ResourceRequirements } from '#kinds';
import type { ObservedContainer, ObservedPod } from '../observe/observed-pod.js';
import { type Container, lastingContainers, type Pod, type ResourceList } from '../pod/pod.js';
import type { PodMemory, WaitReason } from '../pod/pod-memory.js';
import { capacityOf, requestOf, shortageMessage, shortages } from '../pod/shortage.js';

/**
 * In-place resize. A pod's spec says what its containers shall have; what the node has granted them may be less than
 * that, and what the runtime has given them so far may be older still. Only CPU and memory can be resized.
 */
const RESIZABLE = ['cpu', 'memory'] as const;
const LISTS = ['requests', 'limits'] as const;

/** By container name. */
export type Granted = ReadonlyMap<string, ResourceRequirements>;

function changedResources(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): string[] {
  return RESIZABLE.filter((name) => LISTS.some((list) => amount(a, list, name) !== amount(b, list, name)));
}

function amount(
  resources: ResourceRequirements | undefined,
  list: 'requests' | 'limits',
  name: string,
): number | undefined {
  const value = ownValue(resources?.[list], name);
  return value === undefined ? undefined : milliValueOf(value);
}

export function sameResources(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): boolean {
  return changedResources(a, b).length === 0;
}

/** The status is the memory of an agent that starts anew: containers have what was reported last. */
function reported(pod: Pod, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === name);
}

function firstGrant(pod: Pod): Granted {
  return new Map(
    lastingContainers(pod).map((container) => [
      container.name,
      reported(pod, container.name)?.resources ?? container.resources ?? {},
    ]),
  );
}

/** The pod with what the node has granted in place of what its spec asks for. */
export function withGranted(pod: Pod, granted: Granted | undefined): Pod {
  if (!granted) return pod;
  const change = (container: Container): Container => {
    const resources = granted.get(container.name);
    return resources && !sameResources(resources, container.resources) ? { ...container, resources } : container;
  };
  const { spec } = pod;
  const containers = spec.containers.map(change);
  const initContainers = spec.initContainers?.map(change);
  const changed = [...containers, ...(initContainers ?? [])].some(
    (container, index) => container !== [...spec.containers, ...(spec.initContainers ?? [])][index],
  );
  return changed ? { ...pod, spec: { ...spec, containers, ...(initContainers ? { initContainers } : {}) } } : pod;
}

export interface NodeRoom {
  allocatable: ResourceList;
  /** What else holds resources of the node, with what it was granted. */
  others(): Iterable<Pod>;
}

/** What the memory becomes by a grant. */
export type GrantChange = Pick<PodMemory, 'granted' | 'resizePending'> &
  Partial<Pick<PodMemory, 'cgroupStale' | 'resizeFailure'>>;

/**
 * Pure: grants what the spec asks for if the node has it, and otherwise leaves all as it is and says why. Gives the pod to
 * work with, and what is to be remembered.
 */
export function grant(pod: Pod, memory: PodMemory, room: NodeRoom): { pod: Pod; change: GrantChange } {
  const granted = memory.granted ?? firstGrant(pod);
  const containers = lastingContainers(pod);
  if (containers.every(({ name, resources }) => sameResources(granted.get(name), resources))) {
    return { pod, change: { granted, resizePending: undefined } };
  }
  const resizePending = obstacle(pod, room);
  if (resizePending) return { pod: withGranted(pod, granted), change: { granted, resizePending } };
  const wanted = containers.map(({ name, resources }) => [name, resources ?? {}] as const);
  return {
    pod,
    change: {
      granted: new Map([...granted, ...wanted]),
      resizePending: undefined,
      cgroupStale: true,
      resizeFailure: undefined,
    },
  };
}

function obstacle(pod: Pod, { allocatable, others }: NodeRoom): WaitReason | undefined {
  for (const name of RESIZABLE) {
    const [requested, capacity] = [requestOf(pod, name), capacityOf(allocatable, name)];
    if (requested <= capacity) continue;
    const sizes = `requested: ${requested}, capacity: ${capacity}`;
    return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${name}, ${sizes}` };
  }
  const neighbours = [...others()].filter(({ metadata }) => metadata.uid !== pod.metadata.uid);
  const [shortage] = shortages(pod, RESIZABLE, allocatable, neighbours);
  return shortage && { reason: 'Deferred', message: shortageMessage(shortage) };
}

/** What a running container has, as far as is known. */
export function appliedTo(
  pod: Pod,
  memory: PodMemory,
  container: Container,
  { id }: ObservedContainer,
): ResourceRequirements {
  const known = memory.applied.get(id);
  if (known) return known;
  const status = reported(pod, container.name);
  return (status?.containerID?.endsWith(id) && status.resources) || (container.resources ?? {});
}

export interface PendingChange {
  container: Container;
  observed: ObservedContainer;
  applied: ResourceRequirements;
  /** The container's resizePolicy lets it have a new value only when it is started anew. */
  restart: boolean;
}

/** Running containers that have something else than they were granted; `pod` is the granted one. */
export function pendingChanges(pod: Pod, observed: ObservedPod, memory: PodMemory): PendingChange[] {
  const changes: PendingChange[] = [];
  for (const container of lastingContainers(pod)) {
    const live = observed.containers.find(({ name, state }) => name === container.name && state === 'running');
    if (!live) continue;
    const applied = appliedTo(pod, memory, container, live);
    const changed = changedResources(applied, container.resources);
    if (changed.length === 0) continue;
    const restart = (container.resizePolicy ?? []).some(
      ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && changed.includes(resourceName),
    );
    changes.push({ container, observed: live, applied, restart });
  }
  return changes;
}

export function resizeInProgress(pod: Pod, observed: ObservedPod, memory: PodMemory): boolean {
  return memory.cgroupStale || pendingChanges(pod, observed, memory).length > 0;
}
