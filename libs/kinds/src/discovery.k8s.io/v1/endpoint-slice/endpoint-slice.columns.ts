import { age, nameOf, unset, withMore } from '../../../columns/cells.js';
import type { Cells } from '../../../contract/kind-module.js';

export const endpointSliceCells: Cells = (slice, now) => {
  const ports: string[] = (slice.ports ?? []).map(({ port, name }: { port?: number; name?: string }) =>
    String(port ?? name ?? '*'),
  );
  const addresses: string[] = (slice.endpoints ?? []).flatMap((endpoint: any) => endpoint.addresses ?? []);
  return [nameOf(slice), slice.addressType, withMore(ports, 3, unset), withMore(addresses, 3, unset), age(slice, now)];
};
