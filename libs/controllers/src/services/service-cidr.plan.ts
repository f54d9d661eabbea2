import { type Cidr, type IpAddress, parseCidr, parseIp } from '#apimachinery';
import { type IPAddress, isServiceAddress, type ServiceCIDR } from '#kinds';

/** Which addresses and ranges other ranges contain. Pure. */

/**
 * Would an address of a Service be in no range at all without this one? Of two that are deleted together only one can count on the
 * other: the one that was deleted first.
 */
export function isNeeded(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const own = rangesOf(cidr);
  const others = all.filter((other) => staysLonger(other, cidr)).flatMap(rangesOf);
  if (own.every((range) => others.some((other) => covers(other, range)))) return false;
  return addresses.some((address) => {
    const ip = isServiceAddress(address) ? parseIp(address.metadata.name!) : undefined;
    return ip && own.some((range) => holds(range, ip)) && !others.some((range) => holds(range, ip));
  });
}

function staysLonger({ metadata: other }: ServiceCIDR, { metadata: own }: ServiceCIDR): boolean {
  if (other.name === own.name) return false;
  if (other.deletionTimestamp === undefined || own.deletionTimestamp === undefined) {
    return other.deletionTimestamp === undefined;
  }
  const [otherTime, ownTime] = [Date.parse(other.deletionTimestamp), Date.parse(own.deletionTimestamp)];
  return otherTime === ownTime ? other.name! > own.name! : otherTime > ownTime;
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
