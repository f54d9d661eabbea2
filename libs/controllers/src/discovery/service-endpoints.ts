import { isIPv6 } from 'node:net';
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice, Node, Pod, Service, ServicePort } from '#kinds';
import { isPodFinished, isPodReady } from '../workload/pods.js';
import { asksForHints } from './topology-hints.js';

/** What a Service's pods look like as endpoints. Pure. */

export const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const ZONE_LABEL = 'topology.kubernetes.io/zone';

export type AddressType = EndpointSlice['addressType'];

export function hasClusterIP(service: Service): boolean {
  const address = service.spec?.clusterIP;
  return address !== undefined && address !== '' && address !== 'None';
}

/** The address families that a Service has slices for. */
export function addressTypesOf(service: Service): AddressType[] {
  const families = (service.spec?.ipFamilies ?? []).filter((family) => family === 'IPv4' || family === 'IPv6');
  if (families.length > 0) return families as AddressType[];
  if (hasClusterIP(service)) return [isIPv6(service.spec!.clusterIP!) ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}

export function belongsInEndpoints(pod: Pod, includeTerminating: boolean): boolean {
  if (isPodFinished(pod) || podAddresses(pod).length === 0) return false;
  return includeTerminating || pod.metadata.deletionTimestamp === undefined;
}

/** All addresses of a pod, the primary one first. */
export function podAddresses(pod: Pod, type?: AddressType): string[] {
  const { podIPs, podIP } = pod.status ?? {};
  const addresses = podIPs?.map((entry) => entry.ip) ?? (podIP ? [podIP] : []);
  return type === undefined ? addresses : addresses.filter((ip) => (isIPv6(ip) ? 'IPv6' : 'IPv4') === type);
}

/** The pod's name within the Service's DNS zone, when it asks for one. */
export function endpointHostname(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec;
  return hostname && subdomain === service.metadata.name ? hostname : undefined;
}

/** The number behind a Service port on this pod; undefined when the pod has no port of that name. */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  const protocol = port.protocol ?? 'TCP';
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...pod.spec.containers, ...sidecars]) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === target && (candidate.protocol ?? 'TCP') === protocol) return candidate.containerPort;
    }
  }
  return undefined;
}

export function slicePorts(service: Service, pod: Pod): DiscoveryEndpointPort[] {
  const ports: DiscoveryEndpointPort[] = [];
  for (const servicePort of service.spec?.ports ?? []) {
    const port = targetPort(pod, servicePort);
    if (port === undefined) continue;
    const entry: DiscoveryEndpointPort = {
      name: servicePort.name ?? '',
      protocol: servicePort.protocol ?? 'TCP',
      port,
    };
    if (servicePort.appProtocol) entry.appProtocol = servicePort.appProtocol;
    ports.push(entry);
  }
  return ports;
}

/** Undefined when the pod has no address of the family. */
export function endpointFor(
  service: Service,
  pod: Pod,
  node: Node | undefined,
  type: AddressType,
): Endpoint | undefined {
  const addresses = podAddresses(pod, type);
  if (addresses.length === 0) return undefined;
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { namespace, name, uid } = pod.metadata;
  const endpoint: Endpoint = {
    addresses,
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
  const zone = node?.metadata.labels?.[ZONE_LABEL];
  const hostname = endpointHostname(pod, service);
  if (pod.spec.nodeName) endpoint.nodeName = pod.spec.nodeName;
  if (zone) endpoint.zone = zone;
  if (hostname) endpoint.hostname = hostname;
  const hints = hintsFor(service, endpoint);
  if (hints) endpoint.hints = hints;
  return endpoint;
}

/** `trafficDistribution` asks proxies to stay in the endpoint's zone, or on its node. The older annotation comes first. */
function hintsFor(service: Service, endpoint: Endpoint): Endpoint['hints'] {
  if (!endpoint.conditions?.ready || asksForHints(service.metadata.annotations)) return undefined;
  const { zone, nodeName } = endpoint;
  const forZones = zone ? [{ name: zone }] : undefined;
  switch (service.spec?.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return forZones && { forZones };
    case 'PreferSameNode':
      if (!nodeName) return undefined;
      return forZones ? { forZones, forNodes: [{ name: nodeName }] } : { forNodes: [{ name: nodeName }] };
    default:
      return undefined;
  }
}
