import type { APIService, EndpointSlice } from '#kinds';
import type { Lister } from '../storage/lister.js';
import { hostPort } from '../webhook-client/call-error.js';

/** The condition Available of an APIService, in the reference's reasons and words. */
export interface Availability {
  status: 'True' | 'False';
  reason: string;
  message: string;
}

export const PASSED: Availability = { status: 'True', reason: 'Passed', message: 'all checks passed' };

const DEFAULT_PORT = 443;

export function isAvailable({ status }: APIService): boolean {
  return (
    status?.conditions?.some((condition) => condition.type === 'Available' && condition.status === 'True') ?? false
  );
}

/** The Service that answers for an APIService. */
export function serviceOf({ spec }: Pick<APIService, 'spec'>): { namespace: string; name: string; port: number } {
  const { namespace = '', name = '', port } = spec.service ?? {};
  return { namespace, name, port: port ?? DEFAULT_PORT };
}

/** What can be seen of a Service without asking it: undefined when it has an endpoint to ask. */
export function lackOf(
  lister: Lister,
  target: { namespace: string; name: string; port: number },
): Availability | undefined {
  const { namespace, name, port } = target;
  const missing = (reason: string, message: string): Availability => ({ status: 'False', reason, message });
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = lister.get('services', namespace, name);
  if (!service) return missing('ServiceNotFound', `${where} is not present`);
  // Other types lead out of the cluster: the question itself shows whether anything is there.
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const ports = (service.spec?.ports ?? []) as { name?: string; port: number }[];
  const found = ports.find((item) => item.port === port);
  if (!found) return missing('ServicePortError', `${where} is not listening on port ${port}`);
  const slices = (lister.list('discovery.k8s.io/endpointslices', namespace) as EndpointSlice[]).filter(
    ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  if (slices.length === 0) return missing('EndpointsNotFound', `cannot find endpointslices for ${where}`);
  const portName = found.name ?? '';
  const isUsable = ({ endpoints, ports: own }: EndpointSlice) =>
    endpoints?.some(({ conditions }) => conditions?.ready !== false) &&
    own?.some((item) => (item.name ?? '') === portName && item.port !== undefined);
  if (slices.some(isUsable)) return undefined;
  const what = `endpointslices for ${where} have no addresses with port name ${JSON.stringify(portName)}`;
  return missing('MissingEndpoints', what);
}

/** What the discovery check of an endpoint said. */
export function checkFailed(endpoint: { host: string; port: number }, path: string, why: string): Availability {
  const url = `https://${hostPort(endpoint.host, endpoint.port)}${path}`;
  return {
    status: 'False',
    reason: 'FailedDiscoveryCheck',
    message: `failing or missing response from ${url}: ${why}`,
  };
}
