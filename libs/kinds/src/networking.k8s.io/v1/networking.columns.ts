import { age, type Cells, nameOf, none, selectorText, withMore } from '../../columns/cells.js';

const ingress: Cells = (object, now) => {
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

const ingressClass: Cells = (object, now) => {
  const isDefault = object.metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';
  const { parameters } = object.spec ?? {};
  const kind = parameters?.apiGroup ? `${parameters.kind}.${parameters.apiGroup}` : parameters?.kind;
  return [
    isDefault ? `${nameOf(object)} (default)` : nameOf(object),
    object.spec?.controller ?? '',
    parameters === undefined ? none : `${kind}/${parameters.name}`,
    age(object, now),
  ];
};

/** Two columns are declared and three cells sent: the reference does so. */
const ipAddress: Cells = (object, now) => {
  const parent = object.spec?.parentRef;
  if (parent === undefined) return [nameOf(object), none, age(object, now)];
  const resource = parent.group ? `${parent.resource}.${parent.group}` : parent.resource;
  return [nameOf(object), [resource, parent.namespace, parent.name].filter(Boolean).join('/'), age(object, now)];
};

export const networkingCells: Readonly<Record<string, Cells>> = {
  Ingress: ingress,
  IngressClass: ingressClass,
  IPAddress: ipAddress,
  NetworkPolicy: (object, now) => [nameOf(object), selectorText(object.spec?.podSelector), age(object, now)],
  ServiceCIDR: (object, now) => [nameOf(object), (object.spec?.cidrs ?? []).join(','), age(object, now)],
};
