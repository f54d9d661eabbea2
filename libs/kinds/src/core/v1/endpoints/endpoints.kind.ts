import { age, nameOf, none, withMore } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { endpointsValidator } from './endpoints.validation.js';

const cells: Cells = (object, now) => {
  const list = (object.subsets ?? []).flatMap((subset: any) => {
    const ips: string[] = (subset.addresses ?? []).map(({ ip }: { ip: string }) => ip);
    const ports: { port: number }[] = subset.ports ?? [];
    if (ports.length === 0) return ips;
    return ports.flatMap(({ port }) => ips.map((ip) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`));
  });
  return [nameOf(object), withMore(list, 3, (object.subsets ?? []).length === 0 ? none : ''), age(object, now)];
};

export const endpointsKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  validator: endpointsValidator,
  cells,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};
