import { ownValue, Quantity } from '#apimachinery';
import type { Container, PodSpec } from '../../../generated/types.js';

/**
 * Pod-level requests and limits that are only partly given are completed from the containers when a pod is created:
 * feature PodLevelResources, after admission so that injected containers count.
 */
export function fillPodLevelResources(spec: PodSpec): void {
  const own = spec.resources;
  if (own === undefined || (isEmpty(own.requests) && isEmpty(own.limits))) return;
  const requests = new Map(Object.entries(own.requests ?? {}));
  const limits = new Map(Object.entries(own.limits ?? {}));
  const complete = (list: Map<string, string>, name: string, amount: string) => {
    if (!list.has(name)) list.set(name, amount);
  };

  for (const [name, sum] of aggregateResources(spec, 'limits')) {
    if (name.startsWith('hugepages-') && !requests.has(name)) complete(limits, name, sum.toString());
  }
  for (const [name, sum] of aggregateResources(spec, 'requests')) {
    if (name === 'cpu' || name === 'memory') complete(requests, name, sum.toString());
  }
  for (const [name, limit] of limits) if (isPodLevelResource(name)) complete(requests, name, limit);
  const running = runningContainers(spec);
  for (const [name, sum] of aggregateResources(spec, 'limits')) {
    if (!isPodLevelResource(name) || !requests.has(name) || limits.has(name)) continue;
    if (!running.every((container) => ownValue(container.resources?.limits, name) !== undefined)) continue;
    const request = Quantity.parse(requests.get(name)!);
    limits.set(name, (request.compare(sum) > 0 ? request : sum).toString());
  }

  if (requests.size > 0) own.requests = Object.fromEntries(requests);
  if (limits.size > 0) own.limits = Object.fromEntries(limits);
}

function isEmpty(list: object | undefined): boolean {
  return list === undefined || Object.keys(list).length === 0;
}

export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** What runs side by side once initialisation is over. */
function runningContainers(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []).filter(isSidecar), ...(spec.containers ?? [])];
}

/** Sum over what runs together, or the peak of initialisation where that is more. */
export function aggregateResources(spec: PodSpec, side: 'requests' | 'limits'): Map<string, Quantity> {
  const total = new Map<string, Quantity>();
  const sidecars = new Map<string, Quantity>();
  const peak = new Map<string, Quantity>();
  for (const container of spec.containers ?? []) addTo(total, container.resources?.[side]);
  for (const container of spec.initContainers ?? []) {
    const own = container.resources?.[side];
    if (isSidecar(container)) {
      addTo(total, own);
      addTo(sidecars, own);
      raise(peak, sidecars, own);
    } else {
      // The peak is never below the sidecars so far: only what this container itself asks for can raise it.
      const step = new Map<string, Quantity>();
      for (const name in own) {
        const beside = sidecars.get(name);
        if (beside !== undefined) step.set(name, beside);
      }
      addTo(step, own);
      raise(peak, step, own);
    }
  }
  for (const [name, amount] of peak) raiseOne(total, name, amount);
  return total;
}

function addTo(sums: Map<string, Quantity>, list: Record<string, string> | undefined): void {
  for (const name in list) {
    const amount = Quantity.parse(list[name]!);
    const before = sums.get(name);
    sums.set(name, before === undefined ? amount : before.add(amount));
  }
}

/** Raises the sums to the floor, for the names of `list` only. */
function raise(
  sums: Map<string, Quantity>,
  floor: ReadonlyMap<string, Quantity>,
  list: Record<string, string> | undefined,
): void {
  for (const name in list) raiseOne(sums, name, floor.get(name)!);
}

function raiseOne(sums: Map<string, Quantity>, name: string, amount: Quantity): void {
  const now = sums.get(name);
  if (now === undefined || now.compare(amount) < 0) sums.set(name, amount);
}
