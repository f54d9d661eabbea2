import { isIP } from 'node:net';
import type { EndpointSlice, Service } from '#kinds';
import type { DnsPods } from './policy-index.js';

export const DNS_NAMESPACE = 'kube-system';
export const DNS_SERVICE = 'kube-dns';

/**
 * Cluster DNS runs on the nodes. To policies it is pods with the labels of its Service, each on a node, whose ports have the
 * names of the Service's. Undefined where real pods serve it, which policies know by themselves.
 */
export function dnsPods(service: Service | undefined, slices: readonly EndpointSlice[]): DnsPods | undefined {
  const addresses = new Set<string>();
  const ports = new Map<string, { name: string; protocol: string; number: number }>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const onNodes = (slice.endpoints ?? []).filter(({ targetRef }) => targetRef?.kind !== 'Pod');
    for (const address of onNodes.flatMap((endpoint) => endpoint.addresses)) if (isIP(address)) addresses.add(address);
    if (onNodes.length === 0) continue;
    for (const { name = '', protocol = 'TCP', port } of slice.ports ?? []) {
      if (port) ports.set(`${name} ${protocol} ${port}`, { name, protocol, number: port });
    }
  }
  if (!service || addresses.size === 0 || ports.size === 0) return undefined;
  return {
    namespace: DNS_NAMESPACE,
    labels: service.metadata.labels,
    model: { addresses: [...addresses].sort(), ports: [...ports.values()], dns: true },
  };
}
