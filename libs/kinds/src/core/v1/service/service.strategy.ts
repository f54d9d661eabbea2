import { deepEqual } from '#apimachinery';
import type { KindStrategy } from '../../../contract/kind-module.js';
import type { Service, ServiceSpec } from '../../../generated/types.js';

/**
 * What follows from a change of type. Allocation of cluster IPs and node ports is the registry's, which keeps what a
 * request left out, fills what is still unset, and frees what is gone.
 */
export const serviceStrategy: KindStrategy = {
  prepareForUpdate(service: Service, old: Service, context) {
    if (context.subresource === 'status') return;
    dropWhatTypeDoesNotUse(service, old);
  },
};

type SpecField = keyof ServiceSpec;

function dropWhatTypeDoesNotUse(service: Service, old: Service): void {
  const { spec } = service;
  const before = old.spec;
  // Only values that the server may have filled in and the user left alone: a changed one is for validation to refuse.
  const drop = (uses: (item: ServiceSpec) => boolean, ...fields: SpecField[]): void => {
    if (!uses(before) || uses(spec)) return;
    if (fields.every((name) => deepEqual(spec[name], before[name]))) for (const name of fields) delete spec[name];
  };
  drop(hasClusterIp, 'clusterIP', 'clusterIPs');
  drop(hasClusterIp, 'ipFamilies');
  drop(hasClusterIp, 'ipFamilyPolicy');
  drop(hasHealthCheckPort, 'healthCheckNodePort');
  drop(isLoadBalancer, 'allocateLoadBalancerNodePorts');
  drop(isLoadBalancer, 'loadBalancerClass');
  drop(isExternallyAccessible, 'externalTrafficPolicy');
  if (hasNodePorts(before) && !hasNodePorts(spec) && deepEqual(nodePorts(spec), nodePorts(before))) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (!isLoadBalancer(spec)) service.status = { ...service.status, loadBalancer: {} };
}

const hasClusterIp = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName';
const isLoadBalancer = (spec: ServiceSpec): boolean => spec.type === 'LoadBalancer';
const hasHealthCheckPort = (spec: ServiceSpec): boolean =>
  isLoadBalancer(spec) && spec.externalTrafficPolicy === 'Local';

const hasNodePorts = (spec: ServiceSpec): boolean =>
  spec.type === 'NodePort' || (isLoadBalancer(spec) && spec.allocateLoadBalancerNodePorts !== false);

/** Types whose traffic comes from outside the cluster. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  if (isLoadBalancer(spec) || spec.type === 'NodePort') return true;
  return spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0;
}

function nodePorts(spec: ServiceSpec): number[] {
  return (spec.ports ?? []).map((port) => port.nodePort ?? 0).filter((port) => port !== 0);
}
