import { valueOfQuantity } from '#apimachinery';
import type { RESERVATION_POLICIES, SWAP_BEHAVIORS } from '#settings';
import type { Container, Pod } from './pod.js';
import { isCritical } from './pod-source.js';
import { podTotal, type QosClass, qosClass } from './qos-class.js';

/** How memory beyond its limit is governed. All but swap of v1 takes the unified hierarchy. */
export interface MemoryPolicy {
  unified: boolean;
  /** Whether the kernel counts swap by cgroup. */
  swapController: boolean;
  swap: (typeof SWAP_BEHAVIORS)[number];
  /** Which part of the way from request to limit a container may go unthrottled; undefined: all of it. */
  throttlingFactor: number | undefined;
  reservation: (typeof RESERVATION_POLICIES)[number];
  /** Bytes: of the node, and what it has for pods. */
  capacity: number;
  allocatable: number;
  swapCapacity: number;
  pageSize: number;
}

/** Files of the container's cgroup, by name, that have no field of their own in the runtime's interface. */
export function containerMemory(pod: Pod, container: Container, policy: MemoryPolicy): Record<string, string> {
  if (!policy.unified) return {};
  const request = valueOfQuantity(container.resources?.requests?.['memory']);
  const limit = valueOfQuantity(container.resources?.limits?.['memory']);
  return {
    // One process that is killed takes the container with it.
    'memory.oom.group': '1',
    ...(policy.swapController ? { 'memory.swap.max': String(swapLimit(pod, request, limit, policy)) } : {}),
    ...reservation(qosClass(pod), request, policy),
    ...throttle(pod, request, limit, policy),
  };
}

function reservation(qos: QosClass, request: number, policy: MemoryPolicy): Record<string, string> {
  if (request === 0 || policy.reservation === 'None') return { 'memory.min': '0', 'memory.low': '0' };
  return { [qos === 'Guaranteed' ? 'memory.min' : 'memory.low']: String(request) };
}

function throttle(pod: Pod, request: number, limit: number, policy: MemoryPolicy): Record<string, string> {
  const { throttlingFactor: factor } = policy;
  if (factor === undefined || (request === limit && request !== 0)) return {};
  // The pod's own cgroup throttles all of its containers.
  if (limit === 0 && valueOfQuantity(pod.spec.resources?.limits?.['memory']) > 0) return {};
  const high = throttledAt(request, limit || policy.allocatable, factor, policy.pageSize);
  return high > request ? { 'memory.high': String(high) } : {};
}

/** Limits that the pod's cgroup has besides those of `podLimits`. */
export function podMemory(
  pod: Pod,
  policy: MemoryPolicy,
): { memoryHigh?: number; memoryMin?: number; memoryLow?: number } {
  if (!policy.unified) return {};
  const qos = qosClass(pod);
  const request = Math.floor((podTotal(pod, 'requests', 'memory') ?? 0) / 1000);
  const limit = Math.floor((podTotal(pod, 'limits', 'memory') ?? 0) / 1000);
  const tiered = policy.reservation === 'TieredReservation' && request > 0 && qos !== 'BestEffort';
  const high =
    pod.spec.resources && policy.throttlingFactor !== undefined && limit > 0 && request !== limit
      ? throttledAt(request, limit, policy.throttlingFactor, policy.pageSize)
      : 0;
  return {
    ...(tiered ? (qos === 'Guaranteed' ? { memoryMin: request } : { memoryLow: request }) : {}),
    ...(high > request ? { memoryHigh: high } : {}),
  };
}

function throttledAt(request: number, limit: number, factor: number, pageSize: number): number {
  return Math.floor((request + (limit - request) * factor) / pageSize) * pageSize;
}

/** Bytes of swap: none, or a burstable container's part of the node's, as its request is a part of the node's memory. */
function swapLimit(pod: Pod, request: number, limit: number, policy: MemoryPolicy): number {
  const { capacity, swapCapacity } = policy;
  if (policy.swap === 'NoSwap' || isCritical(pod) || qosClass(pod) !== 'Burstable') return 0;
  if (request === limit || request > capacity) return 0;
  return Math.floor((request / capacity) * swapCapacity);
}
