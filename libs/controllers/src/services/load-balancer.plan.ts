import { appendAll } from '#apimachinery';
import type { EndpointSlice, Node, Service } from '#kinds';

/** `spec.loadBalancerClass` of a Service that asks for the addresses of the nodes by name. */
export const LOAD_BALANCER_CLASS = 'berth.io/servicelb';
/** On a Node: the ports at which its processes listen, e.g. `TCP/22,UDP/123`. The node's agent writes it. */
export const LISTENING_PORTS = 'berth.io/listening-ports';

const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** A node that answers for load balancers. */
export interface BalancerNode {
  name: string;
  /** Its external addresses; if it has none, its internal ones. */
  addresses: readonly string[];
  /** `<protocol>/<port>` of what its processes listen at. */
  listening: ReadonlySet<string>;
}

/** What a Service gets: addresses in the order of the nodes' names, or the reason why it has to wait. */
export interface BalancerPlan {
  addresses: readonly string[];
  problem?: string;
}

/** Is the Service ours to give addresses to? */
export function isOurs({ spec, metadata }: Service): boolean {
  if (spec?.type !== 'LoadBalancer' || metadata.deletionTimestamp !== undefined) return false;
  return (spec.loadBalancerClass ?? LOAD_BALANCER_CLASS) === LOAD_BALANCER_CLASS;
}

/** Undefined for a node that load balancers leave out; the reference's cloud provider leaves out the same ones. */
export function balancerNode({ metadata, spec, status }: Node): BalancerNode | undefined {
  if (metadata.labels?.[EXCLUDED] !== undefined || metadata.deletionTimestamp !== undefined) return undefined;
  if (spec?.taints?.some(({ key }) => key === TO_BE_DELETED)) return undefined;
  if (!status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True')) return undefined;
  const ofType = (wanted: string) => (status.addresses ?? []).filter(({ type }) => type === wanted);
  const external = ofType('ExternalIP');
  const addresses = (external.length > 0 ? external : ofType('InternalIP')).map(({ address }) => address);
  const listening = new Set((metadata.annotations?.[LISTENING_PORTS] ?? '').split(',').filter((port) => port !== ''));
  return addresses.length > 0 ? { name: metadata.name!, addresses, listening } : undefined;
}

/** `<protocol>/<port>` of each port of the Service: what only one Service can have at an address. */
export function portsOf({ spec }: Service): string[] {
  return (spec?.ports ?? []).map(({ protocol, port }) => `${protocol ?? 'TCP'}/${port}`);
}

/**
 * The Service that has a port of this one already, of all that are ours; undefined when each port is free. Those that have
 * addresses go first, then the older ones.
 */
export function rivalOf(
  service: Service,
  all: readonly Service[],
  holds: (service: Service) => boolean,
): { rival: Service; port: string } | undefined {
  const rank = (candidate: Service): string =>
    `${holds(candidate) ? 0 : 1} ${candidate.metadata.creationTimestamp} ${nameOf(candidate)}`;
  const ranked = all.map((candidate) => ({ candidate, at: rank(candidate) })).sort((a, b) => (a.at < b.at ? -1 : 1));
  const taken = new Map<string, Service>();
  for (const { candidate } of ranked) {
    const ports = portsOf(candidate);
    const conflict = ports.find((port) => taken.has(port));
    if (candidate.metadata.uid === service.metadata.uid) {
      return conflict === undefined ? undefined : { rival: taken.get(conflict)!, port: conflict };
    }
    if (conflict === undefined) for (const port of ports) taken.set(port, candidate);
  }
  return undefined;
}

/** Addresses of the nodes that can answer for the Service. `slices` are its EndpointSlices. */
export function planBalancer(
  service: Service,
  nodes: readonly BalancerNode[],
  slices: readonly EndpointSlice[],
): BalancerPlan {
  const { spec } = service;
  const isAsked = (address: string) => !spec?.loadBalancerIP || spec.loadBalancerIP === address;
  const isOfFamily = (address: string) =>
    (spec?.ipFamilies ?? ['IPv4']).includes(address.includes(':') ? 'IPv6' : 'IPv4');
  const isLocal = spec?.externalTrafficPolicy === 'Local';
  const withEndpoint = new Set(isLocal ? servingNodes(slices) : []);
  const addresses: string[] = [];
  let problem: string | undefined;
  const candidates = nodes.filter(({ name }) => !isLocal || withEndpoint.has(name));
  for (const node of [...candidates].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const usable = node.addresses.filter((address) => isAsked(address) && isOfFamily(address));
    const busy = portsOf(service).find((port) => node.listening.has(port) && !isOwn(node, port, slices));
    if (busy !== undefined && usable.length > 0) problem ??= `a process of node ${node.name} listens at port ${busy}`;
    else appendAll(addresses, usable);
  }
  if (addresses.length > 0) return { addresses };
  if (spec?.loadBalancerIP) problem ??= `no ready node has the address ${spec.loadBalancerIP} of spec.loadBalancerIP`;
  else if (isLocal) problem ??= 'no ready node has a ready endpoint, and externalTrafficPolicy is Local';
  return { addresses, problem: problem ?? 'no ready node has an address of the families of the Service' };
}

/** Names of nodes that have an endpoint to send new connections to. */
function servingNodes(slices: readonly EndpointSlice[]): string[] {
  return slices.flatMap(({ endpoints }) =>
    (endpoints ?? []).flatMap(({ nodeName, conditions }) =>
      nodeName && conditions?.ready !== false ? [nodeName] : [],
    ),
  );
}

/** Does an endpoint of the Service itself, in the node's own network, listen at the port? */
function isOwn(node: BalancerNode, port: string, slices: readonly EndpointSlice[]): boolean {
  return slices.some(
    ({ ports, endpoints }) =>
      ports?.some((own) => `${own.protocol ?? 'TCP'}/${own.port}` === port) &&
      endpoints?.some(({ nodeName, addresses }) => nodeName === node.name && node.addresses.includes(addresses[0]!)),
  );
}

export function nameOf({ metadata: { namespace, name } }: Service): string {
  return `${namespace}/${name}`;
}
