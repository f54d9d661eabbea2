import { ownValue, semanticEqual } from '#apimachinery';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { podQosClass } from './pod-qos.js';

/** The resize subresource: cpu and memory of containers and of the pod, and nothing else. With the cursor in the spec. */
export function checkResize(at: FieldCursor, pod: Pod, old: Pod): void {
  const errors = at.errors.length;
  if ((old.status?.qosClass ?? podQosClass(old.spec)) !== podQosClass(pod.spec)) {
    at.invalid('', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing');
  }
  if (!nodeCanResize(old)) at.forbidden('', 'Pod running on node without support for resize');
  if (hasOwnResources(old.spec) || hasOwnResources(pod.spec)) {
    if (!checkPodLevel(at, pod.spec.resources, old.spec.resources)) return;
  }
  if (!checkOrder(at, pod.spec, old.spec)) return;
  checkRemoved(at, 'initContainers', pod.spec.initContainers ?? [], old.spec.initContainers ?? []);
  checkRemoved(at, 'containers', pod.spec.containers, old.spec.containers);
  pod.spec.containers.forEach((container, i) => {
    if (semanticEqual(withComputeOf(container, old.spec.containers[i]!), old.spec.containers[i])) return;
    at.forbidden('', 'only cpu and memory resources are mutable');
  });
  pod.spec.initContainers?.forEach((container, i) => {
    checkInitContainer(at, container, old.spec.initContainers![i]!, i);
  });
  if (!semanticEqual(pod.spec.volumes, old.spec.volumes)) {
    const gate = 'InPlacePodVerticalScalingMemoryBackedVolumes';
    at.forbidden('volumes', `volumes are immutable on resize when ${gate} feature gate is disabled`);
  }
  if (at.errors.length > errors) return;
  const { containers: _, initContainers: __, resources: ___, ...rest } = pod.spec;
  const { containers: _4, initContainers: _5, resources: _6, ...before } = old.spec;
  if (!semanticEqual(rest, before)) at.forbidden('', 'only cpu and memory resources are mutable');
}

/** A kubelet that can resize says what running containers have. */
function nodeCanResize({ status }: Pod): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

function hasOwnResources({ resources }: PodSpec): boolean {
  return Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;
}

/** False when there is nothing more to compare. */
function checkPodLevel(
  at: FieldCursor,
  resources: ResourceRequirements | undefined,
  old: ResourceRequirements | undefined,
): boolean {
  if (resources === undefined) {
    if (old !== undefined) at.forbidden('resources', 'pod-level resources cannot be removed');
    return true;
  }
  if (old !== undefined) {
    if (removed(resources.requests, old.requests)) {
      at.forbidden('resources.requests', 'pod-level resource requests cannot be removed');
    }
    if (removed(resources.limits, old.limits)) {
      at.forbidden('resources.limits', 'pod-level resource limits cannot be removed');
    }
  }
  if (!semanticEqual(withCompute(resources, old ?? {}), withCompute(old ?? {}, old ?? {}))) {
    at.forbidden('', 'only cpu and memory resources are mutable at pod-level');
  }
  return true;
}

function checkOrder(at: FieldCursor, spec: PodSpec, old: PodSpec): boolean {
  const errors = at.errors.length;
  for (const list of ['containers', 'initContainers'] as const) {
    const containers = spec[list] ?? [];
    const before = old[list] ?? [];
    if (containers.length !== before.length) {
      at.forbidden(list, `${list} may not be added or removed on resize`);
      continue;
    }
    before.forEach(({ name }, i) => {
      if (containers[i]!.name === name) return;
      at.forbidden(`${list}[${i}].name`, `${list} may not be renamed or reordered on resize`);
    });
  }
  return at.errors.length === errors;
}

function checkRemoved(
  at: FieldCursor,
  list: string,
  containers: readonly Container[],
  old: readonly Container[],
): void {
  old.forEach(({ resources }, i) => {
    const now = containers[i]!.resources;
    if (removed(now?.requests, resources?.requests)) {
      at.forbidden(`${list}[${i}].resources.requests`, 'resource requests cannot be removed');
    }
    if (removed(now?.limits, resources?.limits)) {
      at.forbidden(`${list}[${i}].resources.limits`, 'resource limits cannot be removed');
    }
  });
}

type Amounts = Record<string, string> | undefined;

function removed(list: Amounts, old: Amounts): boolean {
  return Object.keys(old ?? {}).some((name) => ownValue(list, name) === undefined);
}

function checkInitContainer(at: FieldCursor, container: Container, old: Container, index: number): void {
  if (semanticEqual(container, old)) return;
  const path = `initContainers[${index}]`;
  if (!semanticEqual(withComputeOf(container, old), old)) {
    at.forbidden(path, 'only cpu and memory resources for init or sidecar containers are mutable');
  }
  if (container.restartPolicy === 'Always') return;
  for (const { restartPolicy } of container.resizePolicy ?? []) {
    if (restartPolicy !== 'RestartContainer') continue;
    const detail = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized';
    at.forbidden(path, detail);
  }
}

/** The container with the old one's cpu and memory. */
function withComputeOf(container: Container, old: Container): Container {
  return { ...container, resources: withCompute(container.resources ?? {}, old.resources ?? {}) };
}

function withCompute(resources: ResourceRequirements, old: ResourceRequirements): ResourceRequirements {
  const result: ResourceRequirements = {};
  for (const side of ['requests', 'limits'] as const) {
    const { cpu: _, memory: __, ...rest } = resources[side] ?? {};
    const amounts: Record<string, string> = { ...rest };
    for (const name of ['cpu', 'memory']) if (old[side]?.[name] !== undefined) amounts[name] = old[side][name]!;
    if (Object.keys(amounts).length > 0 || old[side] !== undefined) result[side] = amounts;
  }
  if (resources.claims !== undefined) result.claims = resources.claims;
  return result;
}
