import { type KubeObject, notFound, serviceUnavailable } from '#apimachinery';
import type { Lister } from '../storage/lister.js';

/** Where a connection goes. */
export interface Endpoint {
  /** An address, or the name that an ExternalName Service stands for. */
  host: string;
  port: number;
}

interface SlicePort {
  name?: string;
  port?: number;
}

interface SliceEndpoint {
  addresses: string[];
  conditions?: { ready?: boolean };
}

interface Slice extends KubeObject {
  addressType?: string;
  endpoints?: SliceEndpoint[];
  ports?: SlicePort[];
}

const SERVICES = { group: '', resource: 'service' };
const WITH_ENDPOINTS = new Set(['ClusterIP', 'NodePort', 'LoadBalancer']);

/**
 * One ready endpoint of a Service, at random, of its first IP family where there is one: what kube-apiserver resolves with
 * --enable-aggregator-routing. The server process then needs no rules of a service proxy on its machine. Throws a StatusError in
 * the reference's words, or an Error for a type that has no endpoints.
 */
export function serviceEndpoint(
  lister: Lister,
  { namespace, name, port }: { namespace: string; name: string; port: number },
  random: () => number = Math.random,
): Endpoint {
  const service = lister.get('services', namespace, name);
  if (service === undefined) throw notFound(SERVICES, name);
  const { type = 'ClusterIP', externalName, ports = [], ipFamilies = [] } = service.spec ?? {};
  if (type === 'ExternalName') return { host: String(externalName), port };
  if (!WITH_ENDPOINTS.has(type)) throw new Error(`unsupported service type ${JSON.stringify(type)}`);
  const wanted = (ports as { name?: string; port: number }[]).find((item) => item.port === port);
  if (wanted === undefined) {
    throw serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  }
  const slices = slicesOf(lister, namespace, name);
  const preferred = slices.filter(({ addressType }) => addressType === ipFamilies[0]);
  const others = slices.filter(({ addressType }) => addressType !== ipFamilies[0]);
  const found =
    pick(endpointsOf(preferred, wanted.name ?? ''), random) ?? pick(endpointsOf(others, wanted.name ?? ''), random);
  if (found === undefined) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  return found;
}

function slicesOf(lister: Lister, namespace: string, service: string): Slice[] {
  const slices = lister.list('discovery.k8s.io/endpointslices', namespace) as Slice[];
  return slices.filter(
    ({ metadata, addressType }) =>
      metadata.labels?.['kubernetes.io/service-name'] === service && addressType !== 'FQDN',
  );
}

function endpointsOf(slices: readonly Slice[], portName: string): Endpoint[] {
  return slices.flatMap(({ ports = [], endpoints = [] }) => {
    const port = ports.find((item) => (item.name ?? '') === portName)?.port;
    if (port === undefined) return [];
    return endpoints
      .filter(({ conditions, addresses }) => conditions?.ready !== false && addresses.length > 0)
      .map(({ addresses }) => ({ host: addresses[0]!, port }));
  });
}

function pick(endpoints: readonly Endpoint[], random: () => number): Endpoint | undefined {
  return endpoints[Math.floor(random() * endpoints.length)];
}
