import type { IpAddress } from '#apimachinery';
import type { IPAddress } from '../../../generated/types.js';

const FAMILY = 'ipaddress.kubernetes.io/ip-family';
const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by';
const ALLOCATOR = 'ipallocator.k8s.io';

/** Labels of the IPAddress of a Service. */
export function serviceAddressLabels({ family }: Pick<IpAddress, 'family'>): Record<string, string> {
  return { [FAMILY]: family, [MANAGED_BY]: ALLOCATOR };
}

export function isServiceAddress({ metadata }: IPAddress): boolean {
  return metadata.labels?.[MANAGED_BY] === ALLOCATOR;
}

export function hasServiceAddressLabels(address: IPAddress, { family }: Pick<IpAddress, 'family'>): boolean {
  return isServiceAddress(address) && address.metadata.labels![FAMILY] === family;
}
