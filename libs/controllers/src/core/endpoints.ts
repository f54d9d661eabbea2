import { isIPv6 } from 'node:net';
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod, Service } from '#kinds';
import {
  addressTypesOf,
  belongsInEndpoints,
  endpointHostname,
  HEADLESS_LABEL,
  hasClusterIP,
  podAddresses,
  targetPort,
} from '../discovery/service-endpoints.js';
import { isPodReady } from '../workload/pods.js';
import { canonicalJson } from '../workload/template-hash.js';

/** Addresses in one Endpoints object, at most; more are cut and the annotation says so. */
export const MAX_ADDRESSES = 1000;
export const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';

interface Member {
  address: EndpointAddress;
  ready: boolean;
  ports: EndpointPort[];
}

/** The subsets that a Service's pods make: addresses with the same ports are together. */
export function subsetsFor(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publishAll = service.spec?.publishNotReadyAddresses === true;
  const members: Member[] = [];
  for (const pod of pods) {
    if (!belongsInEndpoints(pod, publishAll)) continue;
    const address = addressOf(service, pod);
    const ports = portsOf(service, pod);
    if (!address || !ports) continue;
    members.push({ address, ready: publishAll || isPodReady(pod), ports });
  }
  const groups = new Map<string, EndpointSubset>();
  for (const { address, ready, ports } of members) {
    const key = canonicalJson(ports);
    const subset = groups.get(key) ?? (ports.length > 0 ? { ports } : {});
    groups.set(key, subset);
    const field = ready ? 'addresses' : 'notReadyAddresses';
    subset[field] = [...(subset[field] ?? []), address];
  }
  for (const subset of groups.values()) {
    subset.addresses?.sort(byAddress);
    subset.notReadyAddresses?.sort(byAddress);
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, subset]) => subset);
}

function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const ip = podAddresses(pod, addressTypesOf(service)[0])[0];
  if (!ip) return undefined;
  const { namespace, name, uid } = pod.metadata;
  const address: EndpointAddress = { ip, targetRef: { kind: 'Pod', namespace, name, uid } };
  if (pod.spec.nodeName) address.nodeName = pod.spec.nodeName;
  const hostname = endpointHostname(pod, service);
  if (hostname) address.hostname = hostname;
  return address;
}

/** Undefined: the pod offers none of the Service's ports. A headless Service may have none at all. */
function portsOf(service: Service, pod: Pod): EndpointPort[] | undefined {
  const servicePorts = service.spec?.ports ?? [];
  if (servicePorts.length === 0) return service.spec?.clusterIP === 'None' ? [] : undefined;
  const ports: EndpointPort[] = [];
  for (const servicePort of servicePorts) {
    const port = targetPort(pod, servicePort);
    if (port === undefined) continue;
    const entry: EndpointPort = { port, protocol: servicePort.protocol ?? 'TCP' };
    if (servicePort.name) entry.name = servicePort.name;
    if (servicePort.appProtocol) entry.appProtocol = servicePort.appProtocol;
    ports.push(entry);
  }
  return ports.length > 0 ? ports.sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1)) : undefined;
}

function byAddress(a: EndpointAddress, b: EndpointAddress): number {
  if (isIPv6(a.ip) !== isIPv6(b.ip)) return isIPv6(a.ip) ? 1 : -1;
  return a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1;
}

/** Cuts to `limit` addresses, those that are not ready first. True when something was cut. */
export function truncate(subsets: EndpointSubset[], limit = MAX_ADDRESSES): boolean {
  const count = (field: 'addresses' | 'notReadyAddresses') =>
    subsets.reduce((sum, subset) => sum + (subset[field]?.length ?? 0), 0);
  const ready = count('addresses');
  if (ready + count('notReadyAddresses') <= limit) return false;
  cut(subsets, 'addresses', limit);
  cut(subsets, 'notReadyAddresses', Math.max(0, limit - ready));
  return true;
}

function cut(subsets: EndpointSubset[], field: 'addresses' | 'notReadyAddresses', limit: number): void {
  let left = limit;
  for (const subset of subsets) {
    const addresses = subset[field];
    if (!addresses) continue;
    if (left === 0) delete subset[field];
    else subset[field] = addresses.slice(0, left);
    left -= Math.min(left, addresses.length);
  }
}

/** The object that should be there, from the one that is (undefined: none). */
export function wantedEndpoints(service: Service, current: Endpoints | undefined, pods: readonly Pod[]): Endpoints {
  const subsets = subsetsFor(service, pods);
  const annotations = { ...current?.metadata.annotations };
  if (truncate(subsets)) annotations[OVER_CAPACITY] = 'truncated';
  else delete annotations[OVER_CAPACITY];
  const labels: Record<string, string> = { ...service.metadata.labels, [MANAGED_BY]: 'endpoint-controller' };
  if (hasClusterIP(service)) delete labels[HEADLESS_LABEL];
  else labels[HEADLESS_LABEL] = '';
  const { name, namespace } = service.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...current?.metadata, name, namespace, labels, annotations },
    subsets,
  };
}
