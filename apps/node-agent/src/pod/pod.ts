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

/** Where events about a container point. */
export function containerFieldPath(kind: ContainerKind, name: string): string {
  const list = { init: 'initContainers', container: 'containers', ephemeral: 'ephemeralContainers' }[kind];
  return `spec.${list}{${name}}`;
}

export function podKey(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}

export function isTerminal(status: PodStatus | undefined): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
