import { lookup } from 'node:dns/promises';
import { BlockList, connect, isIP, type Socket } from 'node:net';
import { badRequest } from '#apimachinery';

/** How proxied requests leave this process. */
export interface ProxyNetwork {
  /** All addresses of a host name. Rejects when there are none. */
  resolve(name: string): Promise<readonly string[]>;
  connect(address: string, port: number): Socket;
}

export const HOST_NETWORK: ProxyNetwork = {
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  connect: (address, port) => connect({ host: address, port }),
};

/** All that Go's IsGlobalUnicast refuses, and "this host on this network" as a whole (RFC 1122). IPv4-mapped forms count. */
const NOT_GLOBAL_UNICAST = new BlockList();
NOT_GLOBAL_UNICAST.addSubnet('0.0.0.0', 8, 'ipv4');
NOT_GLOBAL_UNICAST.addSubnet('127.0.0.0', 8, 'ipv4');
NOT_GLOBAL_UNICAST.addSubnet('169.254.0.0', 16, 'ipv4');
NOT_GLOBAL_UNICAST.addSubnet('224.0.0.0', 4, 'ipv4');
NOT_GLOBAL_UNICAST.addAddress('255.255.255.255', 'ipv4');
NOT_GLOBAL_UNICAST.addAddress('::', 'ipv6');
NOT_GLOBAL_UNICAST.addAddress('::1', 'ipv6');
NOT_GLOBAL_UNICAST.addSubnet('fe80::', 10, 'ipv6');
NOT_GLOBAL_UNICAST.addSubnet('ff00::', 8, 'ipv6');

/** False for names, too, and for addresses with a zone, which only local ones have. */
export function isGlobalUnicast(address: string): boolean {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  return !NOT_GLOBAL_UNICAST.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * The address to connect to for a host that a node, a pod or a slice reported. A name is looked up here and once, so that
 * what was judged is what is connected to. Throws 400 when any of its addresses is of this host, this link or a group.
 */
export async function proxyableAddress(host: string, network: Pick<ProxyNetwork, 'resolve'>): Promise<string> {
  const addresses = isIP(host) ? [host] : await network.resolve(host).catch((error: Error) => refuse(error.message));
  const [first] = addresses;
  if (first === undefined) return refuse('no addresses for hostname');
  return addresses.every(isGlobalUnicast) ? first : refuse('address not allowed');
}

function refuse(why: string): never {
  throw badRequest(why);
}
