import { largest, ownValue } from '#apimachinery';
import type { Pod } from '#kinds';
import { isPodActive, isPodReady, podReadySince } from './pods.js';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASE_ORDER: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/** The cost that a pod's annotation gives for deleting it; 0 when it gives none that is a number of 32 bits. */
export function deletionCost(pod: Pod): number {
  const text = ownValue(pod.metadata.annotations, DELETION_COST);
  if (text === undefined || !/^(0|[1-9][0-9]*|-[0-9]+)$/.test(text)) return 0;
  const cost = Number(text);
  return cost === (cost | 0) ? cost : 0;
}

/**
 * Which `count` of the pods to delete, first the one that will be missed least. `related` are the active pods of all
 * replica sets of one owner: of two equals the one with more company on its node goes.
 */
export function podsToDelete(pods: readonly Pod[], related: readonly Pod[], count: number, now: number): Pod[] {
  if (count >= pods.length) return [...pods];
  const onNode = new Map<string, number>();
  for (const pod of related) {
    if (!isPodActive(pod)) continue;
    const node = pod.spec.nodeName ?? '';
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const rank = (pod: Pod) => onNode.get(pod.spec.nodeName ?? '') ?? 0;
  return [...pods].sort((a, b) => compare(a, b, rank, now)).slice(0, count);
}

function compare(a: Pod, b: Pod, rank: (pod: Pod) => number, now: number): number {
  const assigned = Number(!!a.spec.nodeName) - Number(!!b.spec.nodeName);
  if (assigned !== 0) return assigned;
  const phase = (PHASE_ORDER[a.status?.phase ?? ''] ?? 0) - (PHASE_ORDER[b.status?.phase ?? ''] ?? 0);
  if (phase !== 0) return phase;
  const readyA = isPodReady(a);
  const readyB = isPodReady(b);
  if (readyA !== readyB) return readyA ? 1 : -1;
  const cost = deletionCost(a) - deletionCost(b);
  if (cost !== 0) return cost;
  const company = rank(b) - rank(a);
  if (company !== 0) return company;
  if (readyA && readyB) {
    const byReady = compareAges(podReadySince(a), podReadySince(b), a, b, now);
    if (byReady !== 0) return byReady;
  }
  const restarts = maxRestarts(b) - maxRestarts(a) || maxSidecarRestarts(b) - maxSidecarRestarts(a);
  if (restarts !== 0) return restarts;
  return compareAges(createdAt(a), createdAt(b), a, b, now);
}

/**
 * Younger first, but only by orders of magnitude: ages whose logarithms are equal are told apart by uid, so that scaling
 * down does not always hit the same rollout's pods.
 */
function compareAges(a: number | undefined, b: number | undefined, podA: Pod, podB: Pod, now: number): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const difference = magnitude(now - a) - magnitude(now - b);
  if (difference !== 0) return difference;
  return podA.metadata.uid! < podB.metadata.uid! ? -1 : 1;
}

/** Whole power of two of an age in nanoseconds; -1 for none. */
function magnitude(ms: number): number {
  return ms > 0 ? Math.floor(Math.log2(ms * 1e6)) : -1;
}

function createdAt(pod: Pod): number | undefined {
  return pod.metadata.creationTimestamp ? Date.parse(pod.metadata.creationTimestamp) : undefined;
}

function maxRestarts(pod: Pod): number {
  return largest(
    (pod.status?.containerStatuses ?? []).map((status) => status.restartCount),
    0,
  );
}

/** Of init containers that run as long as the pod. */
function maxSidecarRestarts(pod: Pod): number {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const names = new Set(sidecars.map(({ name }) => name));
  const statuses = (pod.status?.initContainerStatuses ?? []).filter(({ name }) => names.has(name));
  return largest(
    statuses.map(({ restartCount }) => restartCount),
    0,
  );
}
