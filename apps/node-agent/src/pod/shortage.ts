import { milliValueOf, ownValue } from '#apimachinery';
import type { Pod, ResourceList } from './pod.js';
import { podTotal } from './qos-class.js';

/** What a node has too little of for a pod. Amounts are thousandths for cpu, and bytes or pieces for all else. */
export interface Shortage {
  resource: string;
  requested: number;
  /** By the other pods of the node. */
  used: number;
  capacity: number;
}

export function requestOf(pod: Pod, resource: string): number {
  return shown(resource, podTotal(pod, 'requests', resource) ?? 0);
}

export function capacityOf(allocatable: ResourceList, resource: string): number {
  return shown(resource, milliValueOf(ownValue(allocatable, resource)));
}

/** Pure: which of the resources the pod asks for are not there beside the others. */
export function shortages(
  pod: Pod,
  resources: readonly string[],
  allocatable: ResourceList,
  others: readonly Pod[],
): Shortage[] {
  const found: Shortage[] = [];
  for (const resource of resources) {
    const requested = requestOf(pod, resource);
    if (requested === 0) continue;
    const used = others.reduce((sum, other) => sum + requestOf(other, resource), 0);
    const capacity = capacityOf(allocatable, resource);
    if (requested + used > capacity) found.push({ resource, requested, used, capacity });
  }
  return found;
}

export function shortageMessage({ resource, requested, used, capacity }: Shortage): string {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return `Node didn't have enough resource: ${resource}, ${amounts}`;
}

function shown(resource: string, milli: number): number {
  return resource === 'cpu' ? milli : Math.ceil(milli / 1000);
}
