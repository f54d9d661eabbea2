import type { ObjectMeta } from '#apimachinery';
import type { Pod as ApiPod, EphemeralContainer, Container as OrdinaryContainer, PodStatus, Quantity } from '#kinds';

/** A pod that the API server, or a manifest, has given a name and a uid. Absent optional fields were defaulted by then. */
export interface Pod extends ApiPod {
  metadata: ObjectMeta & { name: string; namespace: string; uid: string };
  status: PodStatus;
}

/** One of any of the three lists of a pod. */
export type Container = OrdinaryContainer & Pick<EphemeralContainer, 'targetContainerName'>;

export type ContainerKind = 'init' | 'container' | 'ephemeral';

/** Amounts by the name of the resource. */
export type ResourceList = Record<string, Quantity>;

/** An init container that keeps running beside the others. */
export function isSidecar(container: Container, kind: ContainerKind): boolean {
  return kind === 'init' && container.restartPolicy === 'Always';
}

/** Those that run for as long as the pod does: containers and sidecars. */
export function lastingContainers({ spec }: Pod): Container[] {
  return [...(spec.initContainers ?? []).filter((container) => isSidecar(container, 'init')), ...spec.containers];
}

export function* allContainers(pod: Pod): Iterable<{ container: Container; kind: ContainerKind; index: number }> {
  for (const [index, container] of (pod.spec.initContainers ?? []).entries()) yield { container, kind: 'init', index };
  for (const [index, container] of pod.spec.containers.entries()) yield { container, kind: 'container', index };
  for (const [index, container] of (pod.spec.ephemeralContainers ?? []).entries()) {
    yield { container, kind: 'ephemeral', index };
  }
}

const LIST = { init: 'initContainers', container: 'containers', ephemeral: 'ephemeralContainers' } as const;

export function containerOf({ spec }: Pod, name: string, kind: ContainerKind): Container | undefined {
  return spec[LIST[kind]]?.find((container: Container) => container.name === name);
}

/** Throws when the pod has none, which the planner never asks for. */
export function findContainer(pod: Pod, name: string, kind: ContainerKind): Container {
  const container = containerOf(pod, name, kind);
  if (!container) throw new Error(`container ${name} is not in the pod`);
  return container;
}

/** The list that has a container of that name. */
export function kindOf(pod: Pod, name: string): ContainerKind | undefined {
  const kinds = ['container', 'init', 'ephemeral'] as const;
  return kinds.find((kind) => containerOf(pod, name, kind) !== undefined);
}

/** Where events about a container point. */
export function containerFieldPath(kind: ContainerKind, name: string): string {
  return `spec.${LIST[kind]}{${name}}`;
}

export function podKey(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}

export function isTerminal(status: PodStatus | undefined): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
