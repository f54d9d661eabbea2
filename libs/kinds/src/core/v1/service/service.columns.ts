import { age, labelList, nameOf, none } from '../../../columns/cells.js';
import type { Cells } from '../../../contract/kind-module.js';
import type { Service } from '../../../generated/types.js';

export const serviceCells: Cells = (service: Service, now) => [
  nameOf(service),
  service.spec.type ?? '',
  service.spec.clusterIPs?.[0] ?? none,
  externalAddress(service),
  ports(service),
  age(service, now),
  labelList(service.spec.selector),
];

function externalAddress({ spec, status }: Service): string {
  const external = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.length > 0 ? external.join(',') : none;
    case 'LoadBalancer': {
      const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
      const all = [...new Set(given.filter((text) => text !== ''))].sort().concat(external);
      return all.length > 0 ? all.join(',') : '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

function ports({ spec }: Service): string {
  const list = (spec.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return list.length > 0 ? list.join(',') : none;
}
