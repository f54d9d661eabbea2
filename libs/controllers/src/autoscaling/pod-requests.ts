import { ownValue, Quantity } from '#apimachinery';
import type { Container, Pod } from '#kinds';

type Requests = Readonly<Record<string, string | number>> | undefined;

/**
 * What each pod requests of a resource, in thousandths, by its name: of one container, else of the pod as a whole when it says so,
 * else of all its containers. Throws when one of them requests nothing, or is not there.
 */
export function requestsOf(pods: readonly Pod[], resource: string, container: string): Map<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const whole = container === '' && requestsAsAWhole(pod);
    requests.set(pod.metadata.name!, whole ? wholeRequest(pod, resource) : containerRequests(pod, resource, container));
  }
  return requests;
}

function requestsAsAWhole({ spec }: Pod): boolean {
  const requests = spec.resources?.requests ?? {};
  return Object.keys(requests).some((name) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-'));
}

function wholeRequest(pod: Pod, resource: string): number {
  const { spec, metadata } = pod;
  const own = milliOf(spec.resources?.requests, resource) ?? sumOfContainers(pod, resource);
  const overhead = milliOf(spec.overhead, resource);
  if (own === undefined && overhead === undefined) {
    throw new Error(`missing pod-level request for ${resource} in Pod ${metadata.name}`);
  }
  return (own ?? 0) + (overhead ?? 0);
}

/** What the scheduler would count for the pod. */
function sumOfContainers({ spec }: Pod, resource: string): number | undefined {
  const known = (container: Container) => milliOf(container.resources?.requests, resource);
  let found = false;
  const add = (sum: number, container: Container) => {
    const request = known(container);
    found ||= request !== undefined;
    return sum + (request ?? 0);
  };
  let sidecars = 0;
  let highest = 0;
  for (const container of spec.initContainers ?? []) {
    if (isSidecar(container)) {
      sidecars = add(sidecars, container);
      highest = Math.max(highest, sidecars);
    } else highest = Math.max(highest, add(sidecars, container));
  }
  const running = spec.containers.reduce(add, sidecars);
  return found ? Math.max(running, highest) : undefined;
}

function containerRequests({ spec, metadata }: Pod, resource: string, wanted: string): number {
  let sum = 0;
  for (const { name, resources } of [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)]) {
    if (wanted !== '' && name !== wanted) continue;
    const request = milliOf(resources?.requests, resource);
    if (request === undefined) {
      throw new Error(`missing request for ${resource} in container ${name} of Pod ${metadata.name}`);
    }
    if (wanted !== '') return request;
    sum += request;
  }
  if (wanted !== '') throw new Error(`container ${wanted} not found in Pod ${metadata.name}`);
  return sum;
}

function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}

function milliOf(requests: Requests, resource: string): number | undefined {
  const text = ownValue(requests, resource);
  return text === undefined ? undefined : Quantity.parse(text).milliValue();
}
