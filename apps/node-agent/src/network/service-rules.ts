import { appendAll } from '#apimachinery';
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice, Service } from '#kinds';
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
}

export interface EndpointRules {
  ip: string;
  port: number;
  local: boolean;
  localOnly: boolean;
}

/** Labels that hand a Service, or a slice of it, to another proxy. */
const OTHER_PROXY = 'service.kubernetes.io/service-proxy-name';
const HEADLESS = 'service.kubernetes.io/headless';

/** From the API's objects to rules for this node, by family; none when the Service asks nothing of the kernel. */
export function serviceRules(
  service: Service,
  slices: readonly EndpointSlice[],
  nodeName: string,
  families: readonly Family[],
): ServiceRules[] {
  return families.flatMap((family) => rulesOfFamily(service, slices, nodeName, family) ?? []);
}

function rulesOfFamily(
  service: Service,
  slices: readonly EndpointSlice[],
  nodeName: string,
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
      endpoints: usableEndpoints(ours, port.name ?? '', port.protocol ?? 'TCP', nodeName),
    })),
  };
}

/**
 * Ready endpoints; when there is none at all, those that terminate but still serve. The same choice is made for this
 * node's own endpoints, so that traffic that must stay here still finds one while the last is going away.
 */
function usableEndpoints(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: string,
  nodeName: string,
): EndpointRules[] {
  const ready: EndpointRules[] = [];
  const draining: EndpointRules[] = [];
  for (const slice of slices) {
    const port = slice.ports?.find((candidate) => matches(candidate, portName, protocol))?.port;
    if (!port) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const rules = { ip: endpoint.addresses[0]!, port, local: endpoint.nodeName === nodeName, localOnly: false };
      if (isReady(endpoint)) ready.push(rules);
      else if (endpoint.conditions?.serving && endpoint.conditions.terminating) draining.push(rules);
    }
  }
  const chosen = ready.length > 0 ? ready : draining;
  if (ready.length > 0 && !ready.some((endpoint) => endpoint.local)) {
    appendAll(
      chosen,
      draining.filter((endpoint) => endpoint.local).map((endpoint) => ({ ...endpoint, localOnly: true })),
    );
  }
  return unique(chosen).sort((a, b) => (a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1));
}

function matches(port: DiscoveryEndpointPort, name: string, protocol: string): boolean {
  return (port.name ?? '') === name && (port.protocol ?? 'TCP') === protocol;
}

function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions?.ready ?? true;
}

/** One endpoint may stand in two slices for a moment, while it moves between them. */
function unique(endpoints: EndpointRules[]): EndpointRules[] {
  return [...new Map(endpoints.map((endpoint) => [`${endpoint.ip}:${endpoint.port}`, endpoint])).values()];
}
