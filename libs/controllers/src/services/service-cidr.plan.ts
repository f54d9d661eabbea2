import { type Cidr, type IpAddress, parseCidr, parseIp } from '#apimachinery';
import type { IPAddress, ServiceCIDR } from '#kinds';

/** Which addresses and ranges other ranges contain. Pure. */

const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by';
export const ALLOCATOR = 'ipallocator.k8s.io';

export function isServiceAddress({ metadata }: IPAddress): boolean {
  return metadata.labels?.[MANAGED_BY] === ALLOCATOR;
}

/** Would an address of a Service be in no range at all without this one? */
export function isNeeded(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const own = rangesOf(cidr);
  const others = all.filter(({ metadata }) => metadata.name !== cidr.metadata.name).flatMap(rangesOf);
  if (own.every((range) => others.some((other) => covers(other, range)))) return false;
  return addresses.some((address) => {
    const ip = isServiceAddress(address) ? parseIp(address.metadata.name!) : undefined;
    return ip && own.some((range) => holds(range, ip)) && !others.some((range) => holds(range, ip));
  });
}

export function isInRange(ip: IpAddress, all: readonly ServiceCIDR[]): boolean {
  return all.flatMap(rangesOf).some((range) => holds(range, ip));
}

function rangesOf({ spec }: ServiceCIDR): Cidr[] {
  return (spec.cidrs ?? []).map(parseCidr).filter((range) => range !== undefined);
}

function holds({ network, hostBits }: Cidr, { family, value }: IpAddress): boolean {
  return family === network.family && value >> BigInt(hostBits) === network.value >> BigInt(hostBits);
}

function covers(outer: Cidr, inner: Cidr): boolean {
  return outer.hostBits >= inner.hostBits && holds(outer, inner.network);
}
