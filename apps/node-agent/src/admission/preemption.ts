import type { Pod } from '../pod/pod.js';
import { isCritical } from '../pod/pod-source.js';
import { type QosClass, qosClass } from '../pod/qos-class.js';
import { requestOf, type Shortage } from '../pod/shortage.js';

/** How much of a resource has still to be freed. */
interface Need {
  resource: string;
  amount: number;
}

/** Less important ones first: a guaranteed pod goes only when all others together are not enough. */
const CLASSES: readonly QosClass[] = ['Guaranteed', 'Burstable', 'BestEffort'];

/**
 * Pure: which pods go so that a critical one has room; undefined when that cannot be. As few as possible, of the lowest
 * class as possible, the smallest of those that do.
 */
export function podsToPreempt(pod: Pod, others: readonly Pod[], lacking: readonly Shortage[]): Pod[] | undefined {
  const candidates = others.filter((other) => mayPreempt(pod, other));
  const needs = lacking.map(({ resource, requested, used, capacity }) => ({
    resource,
    amount: requested - (capacity - used),
  }));
  if (remaining(needs, candidates).length > 0) return undefined;
  const chosen: Pod[] = [];
  for (const qos of CLASSES) {
    const lower = candidates.filter((other) => CLASSES.indexOf(qosClass(other)) > CLASSES.indexOf(qos));
    const own = candidates.filter((other) => qosClass(other) === qos);
    chosen.unshift(...closest(own, remaining(needs, [...lower, ...chosen])));
  }
  return chosen;
}

function mayPreempt(pod: Pod, other: Pod): boolean {
  if (isCritical(pod) && !isCritical(other)) return true;
  const { priority } = pod.spec;
  return priority !== undefined && other.spec.priority !== undefined && priority > other.spec.priority;
}

function remaining(needs: readonly Need[], gone: readonly Pod[]): Need[] {
  return needs
    .map(({ resource, amount }) => ({
      resource,
      amount: gone.reduce((rest, pod) => rest - freedBy(pod, resource), amount),
    }))
    .filter(({ amount }) => amount > 0);
}

function freedBy(pod: Pod, resource: string): number {
  return resource === 'pods' ? 1 : requestOf(pod, resource);
}

/** Takes the pod that fulfils most of the needs, until none is left. */
function closest(pods: readonly Pod[], needs: readonly Need[]): Pod[] {
  const left = [...pods];
  const taken: Pod[] = [];
  for (let open = [...needs]; open.length > 0 && left.length > 0; ) {
    left.sort((a, b) => distance(a, open) - distance(b, open) || size(a, b));
    const next = left.shift()!;
    taken.push(next);
    open = remaining(open, [next]);
  }
  return taken;
}

/** Every need weighs the same, whatever its unit. */
function distance(pod: Pod, needs: readonly Need[]): number {
  return needs.reduce((sum, { resource, amount }) => {
    const missing = Math.max(amount - freedBy(pod, resource), 0);
    return sum + (missing / amount) ** 2;
  }, 0);
}

function size(a: Pod, b: Pod): number {
  return requestOf(a, 'memory') - requestOf(b, 'memory') || requestOf(a, 'cpu') - requestOf(b, 'cpu');
}
