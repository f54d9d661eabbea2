import { type FieldError, field, isDNS1123Label, ownValue, Quantity } from '#apimachinery';
import type { PodSpec, ResourceClaim, ResourceRequirements } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import {
  checkContainerResource,
  checkResourceName,
  containerResources,
  isCounted,
  isHugePages,
  mayOvercommit,
} from '../resource-names.js';
import { aggregateResources, isPodLevelResource } from './pod-level-resources.js';
import type { Leniency } from './pod-validation-context.js';

/** Requests and limits of containers and of whole pods. */

const podLevelResources = ['cpu', 'hugepages-', 'memory'];

type NameCheck = (at: FieldCursor, name: string) => void;

const checkPodResource: NameCheck = (at, name) => {
  if (name === 'cpu' || name === 'memory' || !checkResourceName(at, name)) return;
  if (!isPodLevelResource(name)) at.notSupported('', name, podLevelResources);
};

/** `podClaims` are the names of the pod's resource claims. */
export function checkRequirements(
  at: FieldCursor,
  requirements: ResourceRequirements | undefined,
  podClaims: ReadonlySet<string>,
  lenient: Leniency,
): void {
  if (requirements === undefined) return;
  at.enter('resources');
  checkLists(at, requirements, checkContainerResource, lenient);
  if (requirements.claims !== undefined) checkClaims(at, requirements.claims, podClaims);
  at.leave();
}

/** What running a pod costs beside its containers. */
export function checkOverhead(at: FieldCursor, overhead: Record<string, string>, lenient: Leniency): void {
  at.enter('overhead');
  checkLists(at, { limits: overhead }, checkContainerResource, lenient);
  at.leave();
}

function checkLists(
  at: FieldCursor,
  { limits, requests }: ResourceRequirements,
  checkName: NameCheck,
  lenient: Leniency,
): void {
  let compute = false;
  let hugePages = false;
  if (limits !== undefined) {
    at.enter('limits');
    for (const name in limits) {
      if (name === 'cpu' || name === 'memory') compute = true;
      else if (isHugePages(name)) hugePages = true;
      checkAmount(at, name, Quantity.parse(limits[name]!), checkName, lenient);
    }
    at.leave();
  }
  if (requests !== undefined) {
    at.enter('requests');
    for (const name in requests) {
      if (name === 'cpu' || name === 'memory') compute = true;
      else if (isHugePages(name)) hugePages = true;
      const request = Quantity.parse(requests[name]!);
      checkAmount(at, name, request, checkName, lenient);
      checkAgainstLimit(at, name, request, ownValue(limits, name));
    }
    at.leave();
  }
  if (hugePages && !compute) at.forbidden('', 'HugePages require cpu or memory');
}

function checkAmount(at: FieldCursor, name: string, amount: Quantity, checkName: NameCheck, lenient: Leniency): void {
  at.enterKey(name);
  checkName(at, name);
  if (amount.sign() < 0) at.invalid('', amount.toString(), 'must be greater than or equal to 0');
  if (!containerResources.has(name)) {
    if (isCounted(name) && amount.milliValue() % 1000 !== 0) at.invalid('', amount.toString(), 'must be an integer');
    if (isHugePages(name) && !lenient.indivisibleHugePages && !isDivisible(name, amount)) {
      at.invalid('', amount.toString(), `${amount} is not positive integer multiple of ${name}`);
    }
  }
  at.leave();
}

/** Huge pages are counted in whole pages of the size that the name says. */
export function isDivisible(name: string, amount: Quantity): boolean {
  let size: Quantity;
  try {
    size = Quantity.parse(name.slice('hugepages-'.length));
  } catch {
    return false;
  }
  if (size.sign() <= 0 || size.milliValue() % 1000 !== 0) return false;
  return amount.value() % size.value() === 0;
}

function checkAgainstLimit(at: FieldCursor, name: string, request: Quantity, limit: string | undefined): void {
  if (limit === undefined) {
    if (mayOvercommit(name)) return;
    at.leave();
    at.required('limits', 'Limit must be set for non overcommitable resources');
    at.enter('requests');
    return;
  }
  const most = Quantity.parse(limit);
  const order = request.compare(most);
  if (order !== 0 && !mayOvercommit(name)) {
    at.invalid('', request.toString(), `must be equal to ${name} limit of ${most}`);
  } else if (order > 0) at.invalid('', request.toString(), `must be less than or equal to ${name} limit of ${most}`);
}

export function claimNames({ resourceClaims }: PodSpec): ReadonlySet<string> {
  return new Set(resourceClaims?.map(({ name }) => name));
}

function checkClaims(at: FieldCursor, claims: readonly ResourceClaim[], podClaims: ReadonlySet<string>): void {
  const seen = new Set<string>();
  /** How many requests of a claim were seen. */
  const requests = new Map<string, number>();
  at.enter('claims');
  for (let i = 0; i < claims.length; i++) {
    at.enter(i);
    const { name, request } = claims[i]!;
    if (!name) at.required('');
    else {
      if (seen.has(name)) at.duplicate('', name);
      else {
        if (request) at.format('request', request, isDNS1123Label);
        const key = request ? `${name}/${request}` : name;
        if (seen.has(key)) at.duplicate('', key);
        else if (!request) for (let i = requests.get(name) ?? 0; i > 0; i--) at.duplicate('', name);
        else requests.set(name, (requests.get(name) ?? 0) + 1);
        seen.add(key);
      }
      if (!podClaims.has(name)) at.add([unknownClaim(at, name, podClaims)]);
    }
    at.leave();
  }
  at.leave();
}

function unknownClaim(at: FieldCursor, name: string, podClaims: ReadonlySet<string>): FieldError {
  return field.withDetail(field.notFound(at.path(), name), () => {
    const known = podClaims.size === 0 ? ' which is empty' : `: ${[...podClaims].sort().join(', ')}`;
    return `must be one of the names in pod.spec.resourceClaims${known}`;
  });
}

/** Requests and limits of the pod as a whole, and how they go with its containers'. */
export function checkPodLevelResources(at: FieldCursor, spec: PodSpec, lenient: Leniency): void {
  const { resources } = spec;
  if (resources === undefined) return;
  if (spec.os?.name === 'windows') {
    at.forbidden('resources', 'may not be set for a windows pod');
    return;
  }
  at.enter('resources');
  if (resources.claims !== undefined) at.forbidden('claims', 'claims may not be set for Resources at pod-level');
  checkLists(at, resources, checkPodResource, lenient);
  if (resources.claims !== undefined) {
    checkClaims(at, resources.claims, claimNames(spec));
  }
  checkConsistency(at, spec, resources);
  at.leave();
}

function checkConsistency(at: FieldCursor, spec: PodSpec, { requests, limits }: ResourceRequirements): void {
  for (const side of ['requests', 'limits'] as const) {
    const own = side === 'requests' ? requests : limits;
    if (own === undefined) continue;
    for (const [name, sum] of aggregateResources(spec, side)) {
      const amount = ownValue(own, name);
      if (amount === undefined || (side === 'limits' && !isHugePages(name))) continue;
      if (sum.compare(Quantity.parse(amount)) <= 0) continue;
      at.enter(side);
      at.enterKey(name);
      at.invalid('', String(amount), `must be greater than or equal to aggregate container ${side} of ${sum}`);
      at.leave(2);
    }
  }
  spec.containers.forEach((container, i) => {
    for (const name in container.resources?.limits) {
      const most = ownValue(limits, name);
      const own = ownValue(container.resources.limits, name)!;
      if (most === undefined || Quantity.parse(own).compare(Quantity.parse(most)) <= 0) continue;
      at.enter('containers');
      at.enter(i);
      at.enterKey(name);
      at.invalid('limits', String(own), `must be less than or equal to pod limits of ${most}`);
      at.leave(3);
    }
  });
}
