import type { Node, Pod } from '#kinds';
import { isPodFinished } from '../workload/pods.js';

/** Which pods nobody else will ever remove. Pure. */

const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Finished pods beyond the threshold, the oldest first. */
export function excessFinished(pods: readonly Pod[], threshold: number): Pod[] {
  const finished = pods.filter((pod) => isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined);
  const excess = finished.length - threshold;
  if (excess <= 0) return [];
  const age = (pod: Pod) => pod.metadata.creationTimestamp ?? '';
  return finished
    .sort((a, b) => age(a).localeCompare(age(b)) || (a.metadata.name! < b.metadata.name! ? -1 : 1))
    .slice(0, excess);
}

/** Pods that were deleted before they had a node: no agent will confirm. */
export function unscheduledTerminating(pods: readonly Pod[]): Pod[] {
  return pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !pod.spec.nodeName);
}

/** Terminating pods on nodes that somebody has declared out of service, and that are not ready. */
export function onOutOfServiceNodes(pods: readonly Pod[], nodes: readonly Node[]): Pod[] {
  const dead = new Set(
    nodes
      .filter(({ spec, status }) => {
        const ready = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
        return !ready && spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE);
      })
      .map((node) => node.metadata.name),
  );
  return pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && dead.has(pod.spec.nodeName));
}
