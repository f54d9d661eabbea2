import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { badRequest, internalError, type KubeObject, notFound, serviceUnavailable } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import { isGlobalUnicast } from './proxy-network.js';

/** Whom a proxied request goes to. */
export interface ProxyServer {
  secure: boolean;
  /** Address or name, as it was reported. */
  host: string;
  port: number;
  /** For TLS: client certificate and authority; undefined does not verify, as the reference does for pods and services. */
  tls: ConnectionOptions | undefined;
}

export interface ProxyTarget extends ProxyServer {
  /** Path and query. */
  path: string;
  /** Opens the connection. */
  connect(): Socket;
}

/** Port of a node server that reports none. */
const NODE_SERVER_PORT = 10250;
/** Addresses of a node, the best first. */
const ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS', 'Hostname'];

/** The node server's address, as the node reports it. Throws when it reports none. */
export function nodeServer(lister: Lister, name: string): { host: string; port: number } {
  const node = lister.get('nodes', '', name);
  if (!node) throw notFound({ group: '', resource: 'nodes' }, name);
  const found = reportedServer(node);
  if (!found) throw internalError(new Error(`no preferred addresses found; known addresses: []`));
  return found;
}

/** The same of a node at hand; undefined when it reports none. */
export function reportedServer(node: KubeObject): { host: string; port: number } | undefined {
  const addresses = (node.status?.addresses ?? []) as { type: string; address: string }[];
  for (const type of ADDRESS_TYPES) {
    const found = addresses.find((item) => item.type === type);
    if (found) {
      const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || NODE_SERVER_PORT;
      return { host: found.address, port };
    }
  }
  return undefined;
}

/**
 * Where `nodes/<id>/proxy` goes: to the node server with this server's credentials when no port or the node server's own
 * is named, else to that port with none, as for a pod.
 */
export function nodeProxyServer(lister: Lister, id: string, credentials: ConnectionOptions): ProxyServer {
  const { scheme, name, port } = splitSchemeNamePort(id, 'node');
  const server = nodeServer(lister, name);
  if (port === '' || port === String(server.port)) return { secure: true, ...server, tls: credentials };
  return { secure: scheme === 'https', host: server.host, port: portNumber(port), tls: undefined };
}

interface NamedPort {
  scheme: 'http' | 'https';
  name: string;
  /** '' when none is given. */
  port: string;
}

/** `name`, `name:port`, `scheme:name:port`: how proxy paths name their target. */
function splitSchemeNamePort(id: string, what: 'node' | 'pod' | 'service'): NamedPort {
  const parts = id.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? ''];
  if (parts.length > 3 || !name || !['', 'http', 'https'].includes(scheme!)) {
    throw badRequest(`invalid ${what} request ${JSON.stringify(id)}`);
  }
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port: port! };
}

interface ContainerPort {
  name?: string;
  containerPort: number;
}

/** A pod's own server: the port of the path, else the first that a container declares, else 80 or 443. */
export function podServer(lister: Lister, namespace: string, id: string): ProxyServer {
  const { scheme, name, port } = splitSchemeNamePort(id, 'pod');
  const pod = lister.get('pods', namespace, name);
  if (!pod) throw notFound({ group: '', resource: 'pods' }, name);
  const declared = (pod.spec?.containers ?? []).flatMap((item: { ports?: ContainerPort[] }) => item.ports ?? []);
  const number = port === '' ? (declared[0]?.containerPort ?? (scheme === 'https' ? 443 : 80)) : portNumber(port);
  const host = podAddresses(pod)[0] ?? '';
  if (!isGlobalUnicast(host)) throw badRequest('address not allowed');
  return { secure: scheme === 'https', host, port: number, tls: undefined };
}

function podAddresses(pod: KubeObject): string[] {
  return ((pod.status?.podIPs ?? []) as { ip: string }[]).map(({ ip }) => ip);
}

interface ServicePort {
  name?: string;
  port: number;
}

interface SliceEndpoint {
  addresses: string[];
  conditions?: { ready?: boolean };
  targetRef?: { kind?: string; namespace?: string; name?: string };
}

interface Slice extends KubeObject {
  endpoints?: SliceEndpoint[];
  ports?: { name?: string; port?: number }[];
}

/** One ready pod of a Service, at random. */
export function serviceServer(lister: Lister, namespace: string, id: string, random: () => number): ProxyServer {
  const { scheme, name, port } = splitSchemeNamePort(id, 'service');
  const service = lister.get('services', namespace, name);
  if (!service) throw notFound({ group: '', resource: 'services' }, name);
  const ports = (service.spec?.ports ?? []) as ServicePort[];
  const wanted =
    port === '' && ports.length === 1
      ? ports[0]!
      : ports.find((item) => (item.name ?? '') === port || String(item.port) === port);
  if (!wanted) {
    const named = /^\d+$/.test(port) ? port : JSON.stringify(port);
    throw serviceUnavailable(`no service port ${named} found for service ${JSON.stringify(name)}`);
  }
  const candidates: { host: string; port: number }[] = [];
  for (const slice of lister.list('discovery.k8s.io/endpointslices', namespace) as Slice[]) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
    const target = (slice.ports ?? []).find((item) => (item.name ?? '') === (wanted.name ?? ''));
    if (!target?.port) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      const host = ownPodAddress(lister, namespace, endpoint);
      if (host !== undefined) candidates.push({ host, port: target.port });
    }
  }
  const chosen = candidates[Math.floor(random() * candidates.length)];
  if (!chosen) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  return { secure: scheme === 'https', ...chosen, tls: undefined };
}

/** An endpoint's address when it is that of the pod, in this namespace, that the endpoint refers to. */
function ownPodAddress(lister: Lister, namespace: string, endpoint: SliceEndpoint): string | undefined {
  const { targetRef, addresses } = endpoint;
  const [address] = addresses;
  if (!address || !targetRef?.name || targetRef.namespace !== namespace || !isGlobalUnicast(address)) return undefined;
  const pod = lister.get('pods', namespace, targetRef.name);
  return pod && podAddresses(pod).includes(address) ? address : undefined;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return port;
}
