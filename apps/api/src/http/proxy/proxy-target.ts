import type { ConnectionOptions } from 'node:tls';
import { badRequest, internalError, type KubeObject, notFound, serviceUnavailable } from '#apimachinery';
import type { Lister } from '../../admission/lister.js';

/** Where a proxied request goes. */
export interface ProxyTarget {
  secure: boolean;
  host: string;
  port: number;
  /** Path and query. */
  path: string;
  /** For TLS: client certificate and authority; undefined does not verify, as the reference does for pods and services. */
  tls: ConnectionOptions | undefined;
}

/** Port of a node server that reports none. */
const NODE_SERVER_PORT = 10250;
/** Addresses of a node, the best first. */
const ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS', 'Hostname'];

/** The node server's address, as the node reports it. Throws when it reports none. */
export function nodeServer(lister: Lister, name: string): { host: string; port: number } {
  const node = lister.get('nodes', '', name);
  if (!node) throw notFound({ group: '', resource: 'nodes' }, name);
  const addresses = (node.status?.addresses ?? []) as { type: string; address: string }[];
  for (const type of ADDRESS_TYPES) {
    const found = addresses.find((item) => item.type === type);
    if (found) {
      const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || NODE_SERVER_PORT;
      return { host: found.address, port };
    }
  }
  throw internalError(new Error(`no preferred addresses found; known addresses: []`));
}

export interface NamedPort {
  scheme: 'http' | 'https';
  name: string;
  /** '' when none is given. */
  port: string;
}

/** `name`, `name:port`, `scheme:name:port`: how proxy paths name their target. */
export function splitSchemeNamePort(id: string): NamedPort {
  const parts = id.split(':');
  const bad = () => badRequest(`invalid service request ${JSON.stringify(id)}`);
  if (parts.length === 1) return { scheme: 'http', name: parts[0]!, port: '' };
  if (parts.length === 2) return { scheme: 'http', name: parts[0]!, port: parts[1]! };
  const [scheme, name, port] = parts as [string, string, string];
  if (parts.length > 3 || (scheme !== '' && scheme !== 'http' && scheme !== 'https') || name === '') throw bad();
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

interface ContainerPort {
  name?: string;
  containerPort: number;
}

/** A pod's own server: the port of the path, else the first that a container declares, else 80 or 443. */
export function podServer(lister: Lister, namespace: string, id: string): Omit<ProxyTarget, 'path'> {
  const { scheme, name, port } = splitSchemeNamePort(id);
  const pod = lister.get('pods', namespace, name);
  if (!pod) throw notFound({ group: '', resource: 'pods' }, name);
  const host = pod.status?.podIP;
  if (!host) throw badRequest('address not allowed');
  const declared = (pod.spec?.containers ?? []).flatMap((item: { ports?: ContainerPort[] }) => item.ports ?? []);
  const number = port === '' ? (declared[0]?.containerPort ?? (scheme === 'https' ? 443 : 80)) : portNumber(port);
  return { secure: scheme === 'https', host, port: number, tls: undefined };
}

interface ServicePort {
  name?: string;
  port: number;
}

interface Slice extends KubeObject {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
  ports?: { name?: string; port?: number }[];
}

/** One ready endpoint of a Service, at random. */
export function serviceServer(
  lister: Lister,
  namespace: string,
  id: string,
  random: () => number,
): Omit<ProxyTarget, 'path'> {
  const { scheme, name, port } = splitSchemeNamePort(id);
  const service = lister.get('services', namespace, name);
  if (!service) throw notFound({ group: '', resource: 'services' }, name);
  const ports = (service.spec?.ports ?? []) as ServicePort[];
  const wanted =
    port === '' && ports.length === 1
      ? ports[0]!
      : ports.find((item) => (item.name ?? '') === port || String(item.port) === port);
  if (!wanted)
    throw serviceUnavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  const candidates: { host: string; port: number }[] = [];
  for (const slice of lister.list('discovery.k8s.io/endpointslices', namespace) as Slice[]) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
    const target = (slice.ports ?? []).find((item) => (item.name ?? '') === (wanted.name ?? ''));
    if (!target?.port) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      for (const host of endpoint.addresses) candidates.push({ host, port: target.port });
    }
  }
  const chosen = candidates[Math.floor(random() * candidates.length)];
  if (!chosen) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  return { secure: scheme === 'https', ...chosen, tls: undefined };
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return port;
}
