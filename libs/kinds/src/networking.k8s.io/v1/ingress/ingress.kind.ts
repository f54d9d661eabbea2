import { age, nameOf, none, withMore } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { ingressValidator } from './ingress.validation.js';

const cells: Cells = (object, now) => {
  const hosts = (object.spec.rules ?? []).map(({ host }: { host?: string }) => host || '*');
  const balancer: { ip?: string; hostname?: string }[] = object.status?.loadBalancer?.ingress ?? [];
  const addresses = new Set(balancer.map(({ ip, hostname }) => ip || hostname || ''));
  addresses.delete('');
  return [
    nameOf(object),
    object.spec.ingressClassName ?? none,
    withMore(hosts, 3, '*'),
    [...addresses].sort().join(','),
    (object.spec.tls ?? []).length > 0 ? '80, 443' : '80',
    age(object, now),
  ];
};

export const ingressKind: KindModule = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  validator: ingressValidator,
  cells,
};
