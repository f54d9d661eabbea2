import type { DiscoveryEndpointPort, EndpointSlice, Service } from '#kinds';
import { chooseEndpoints, isServing, type NodePlace } from './endpoint-choice.js';
import { familyOf } from './families.js';
import type { Family } from './netfilter.js';

/** What native/netfilter reads of one Service in one family: `Service` in its `model.rs`, whose names these are. */
export interface ServiceRules {
  family: Family;
  namespace: string;
  name: string;
  clusterIp?: string;
  externalIps: string[];
  loadBalancerIps: string[];
  loadBalancerSourceRanges: string[];
  affinitySeconds?: number;
  internalTrafficLocal: boolean;
  externalTrafficLocal: boolean;
  ports: ServicePortRules[];
}

export interface ServicePortRules {
  name: string;
  protocol: string;
  port: number;
  nodePort?: number;
  endpoints: EndpointRules[];
  /** They get no new flows, and keep those that they have. */
  draining?: EndpointRules[];
}

export interface EndpointRules {
  ip: string;
  port: number;
  local: boolean;
  localOnly: boolean;
  /** Nobody says which node it is on. */
  unplaced?: boolean;
}

/** Labels that hand a Service, or a slice of it, to another proxy. */
const OTHER_PROXY = 'service.kubernetes.io/service-proxy-name';
const HEADLESS = 'service.kubernetes.io/headless';

/** From the API's objects to rules for this node, by family; none when the Service asks nothing of the kernel. */
export function serviceRules(
  service: Service,
  slices: readonly EndpointSlice[],
  place: NodePlace,
  families: readonly Family[],
): ServiceRules[] {
  return families.flatMap((family) => rulesOfFamily(service, slices, place, family) ?? []);
}

function rulesOfFamily(
  service: Service,
  slices: readonly EndpointSlice[],
  place: NodePlace,
  family: Family,
): ServiceRules | undefined {
  const { spec, status, metadata } = service;
  if (!spec || spec.type === 'ExternalName' || spec.clusterIP === 'None' || !spec.clusterIP) return undefined;
  if (metadata.labels?.[OTHER_PROXY] !== undefined || metadata.labels?.[HEADLESS] !== undefined) return undefined;
  const isOfFamily = (address: string) => familyOf(address) === family;
  const clusterIp = (spec.clusterIPs ?? [spec.clusterIP]).find(isOfFamily);
  if (!clusterIp) return undefined;
  const ours = slices.filter(
    (slice) => slice.addressType === family && slice.metadata.labels?.[OTHER_PROXY] === undefined,
  );
  const externalTrafficLocal = spec.externalTrafficPolicy === 'Local';
  const internalTrafficLocal = spec.internalTrafficPolicy === 'Local';
  return {
    family,
    namespace: metadata.namespace!,
    name: metadata.name!,
    clusterIp,
    externalIps: (spec.externalIPs ?? []).filter(isOfFamily),
    loadBalancerIps: (status?.loadBalancer?.ingress ?? [])
      .filter((ingress) => ingress.ipMode !== 'Proxy')
      .flatMap((ingress) => (ingress.ip && isOfFamily(ingress.ip) ? [ingress.ip] : [])),
    loadBalancerSourceRanges: (spec.loadBalancerSourceRanges ?? [])
      .map((range) => range.trim())
      .filter((range) => isOfFamily(range.split('/')[0]!)),
    ...(spec.sessionAffinity === 'ClientIP'
      ? { affinitySeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800 }
      : {}),
    internalTrafficLocal,
    externalTrafficLocal,
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name ?? '',
      protocol: port.protocol ?? 'TCP',
      port: port.port,
      ...(port.nodePort ? { nodePort: port.nodePort } : {}),
      ...endpointsOf(ours, port.name ?? '', port.protocol ?? 'TCP', place),
    })),
  };
}

/** Endpoints of a port that get new flows here, and those that only keep the flows that they have. */
function endpointsOf(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: string,
  place: NodePlace,
): Pick<ServicePortRules, 'endpoints' | 'draining'> {
  const candidates = slices.flatMap((slice) => {
    const port = slice.ports?.find((candidate) => matches(candidate, portName, protocol))?.port;
    return port ? (slice.endpoints ?? []).map((endpoint) => ({ endpoint, port })) : [];
  });
  const endpoints: EndpointRules[] = [];
  const draining: EndpointRules[] = [];
  for (const { endpoint, port, usable, usableLocally } of chooseEndpoints(candidates, place)) {
    const rules: EndpointRules = {
      ip: endpoint.addresses[0]!,
      port,
      local: usableLocally,
      localOnly: usableLocally && !usable,
      ...(endpoint.nodeName ? {} : { unplaced: true }),
    };
    if (usable || usableLocally) endpoints.push(rules);
    else if (protocol !== 'TCP' && isServing(endpoint)) draining.push(rules);
  }
  return { endpoints: inOrder(endpoints), ...(draining.length > 0 ? { draining: inOrder(draining) } : {}) };
}

function matches(port: DiscoveryEndpointPort, name: string, protocol: string): boolean {
  return (port.name ?? '') === name && (port.protocol ?? 'TCP') === protocol;
}

/** One endpoint may stand in two slices for a moment, while it moves between them. */
function inOrder(endpoints: EndpointRules[]): EndpointRules[] {
  const unique = [...new Map(endpoints.map((endpoint) => [`${endpoint.ip}:${endpoint.port}`, endpoint])).values()];
  return unique.sort((a, b) => (a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1));
}
