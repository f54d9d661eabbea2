import { type KubeObject, Quantity } from '#apimachinery';
import {
  addResources,
  containerTotals,
  type ResourceAmounts,
  type ResourcesOf,
  takeLarger,
  takePodLevel,
} from './pod-resource-totals.js';

export interface PodResources {
  requests: ResourceAmounts;
  limits: ResourceAmounts;
}

/**
 * What a pod holds of its node, overhead included: the most of what it wants, what its node granted and what its containers have,
 * which differ while it is resized. What a node cannot grant does not count (component-helpers/resource: PodRequests, PodLimits).
 */
export function podResourcesInUse(pod: KubeObject): PodResources {
  return ofPod(pod, requestsInUse(pod), limitsInUse(pod));
}

/** What a pod wants of its node, whatever it holds now. */
export function podResourcesWanted(pod: KubeObject): PodResources {
  const of = (list: 'requests' | 'limits') => containerTotals(pod, ({ resources }) => resources?.[list]);
  return ofPod(pod, of('requests'), of('limits'));
}

/** With what is set for the pod as a whole, and with its overhead. */
function ofPod(pod: KubeObject, requests: ResourceAmounts, limits: ResourceAmounts): PodResources {
  const { overhead, resources } = pod['spec'] ?? {};
  takePodLevel(requests, resources?.requests);
  takePodLevel(limits, resources?.limits);
  addResources(requests, overhead);
  for (const name of Object.keys(overhead ?? {})) {
    const limit = limits.get(name);
    if (limit !== undefined && !limit.isZero()) limits.set(name, limit.add(Quantity.parse(overhead[name])));
  }
  return { requests, limits };
}

function requestsInUse(pod: KubeObject): ResourceAmounts {
  const wanted: ResourcesOf = (container) => container.resources?.requests;
  const statuses = statusesByName(pod);
  if (statuses === undefined) return containerTotals(pod, wanted);
  const infeasible = isInfeasible(pod);
  const specified: ResourcesOf = (container) => (infeasible ? undefined : wanted(container));
  const granted: ResourcesOf = (container) => statuses.get(container.name)?.allocatedResources ?? specified(container);
  const actual: ResourcesOf = (container) => statuses.get(container.name)?.resources?.requests ?? granted(container);
  return largest(pod, infeasible ? [actual, granted] : [wanted, actual, granted]);
}

function limitsInUse(pod: KubeObject): ResourceAmounts {
  const wanted: ResourcesOf = (container) => container.resources?.limits;
  const statuses = statusesByName(pod);
  if (statuses === undefined) return containerTotals(pod, wanted);
  const infeasible = isInfeasible(pod);
  const actual: ResourcesOf = (container) =>
    statuses.get(container.name)?.resources?.limits ?? (infeasible ? undefined : wanted(container));
  return largest(pod, infeasible ? [actual] : [wanted, actual]);
}

function largest(pod: KubeObject, of: readonly ResourcesOf[]): ResourceAmounts {
  const total: ResourceAmounts = new Map();
  for (const resources of of) takeLarger(total, containerTotals(pod, resources));
  return total;
}

/** Undefined while no container has a status: most pods that are written just now. */
function statusesByName({ status }: KubeObject): Map<string, any> | undefined {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.length === 0 ? undefined : new Map(all.map((container) => [container.name, container]));
}

function isInfeasible({ status }: KubeObject): boolean {
  const pending = (status?.conditions ?? []).find(({ type }: { type: string }) => type === 'PodResizePending');
  return pending?.reason === 'Infeasible';
}
