import { readFile } from 'node:fs/promises';
import { parseIp } from '#apimachinery';

/** States of sockets in the kernel's tables: a TCP socket that listens, and a UDP one that is connected to nobody. */
const TCP_LISTEN = '0A';
const UDP_OPEN = '07';

/** The kernel's tables of sockets, as the files of these names below `/proc/net` have them. */
export interface SocketTables {
  tcp: string;
  tcp6: string;
  udp: string;
  udp6: string;
  /** `/proc/sys/net/ipv4/ip_local_port_range`: clients' sockets have ports of this range. */
  localPortRange: string;
}

/** Reads the tables of the network that this process is in. What a kernel without IPv6 lacks is empty. */
export async function readSocketTables(): Promise<SocketTables> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const [tcp, tcp6, udp, udp6, localPortRange] = await Promise.all([
    ...['tcp', 'tcp6', 'udp', 'udp6'].map((name) => read(`/proc/net/${name}`)),
    read('/proc/sys/net/ipv4/ip_local_port_range'),
  ]);
  return { tcp: tcp!, tcp6: tcp6!, udp: udp!, udp6: udp6!, localPortRange: localPortRange! };
}

/**
 * Pure: where processes wait for others at the node's addresses, as `TCP/22,UDP/123`, in order. UDP sockets with ports of clients
 * count as clients.
 */
export function listeningPorts(tables: SocketTables, nodeIps: readonly string[]): string {
  const values = new Set([0n, ...nodeIps.flatMap((address) => parseIp(address)?.value ?? [])]);
  const [first = 32768, last = 60999] = tables.localPortRange.split(/\s+/).filter(Boolean).map(Number);
  const isClients = (port: number) => port >= first && port <= last;
  const of = (texts: readonly string[], wanted: string) =>
    texts.flatMap((text) =>
      text.split('\n').flatMap((line) => {
        const [, local, , state] = line.trim().split(/\s+/);
        const [address, port] = local?.split(':') ?? [];
        return state === wanted && values.has(kernelAddress(address!)) ? [Number.parseInt(port!, 16)] : [];
      }),
    );
  const tcp = of([tables.tcp, tables.tcp6], TCP_LISTEN);
  const udp = of([tables.udp, tables.udp6], UDP_OPEN).filter((port) => !isClients(port));
  const inOrder = (ports: number[]) => [...new Set(ports)].sort((a, b) => a - b);
  return [...inOrder(tcp).map((port) => `TCP/${port}`), ...inOrder(udp).map((port) => `UDP/${port}`)].join();
}

/** The number of an address: the kernel writes words of four bytes, each in the order of the processor (little-endian). */
function kernelAddress(hex: string): bigint {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse());
  const value = BigInt(`0x${bytes.join('') || '0'}`);
  // An IPv4 address in a socket of IPv6.
  return value >> 32n === 0xffffn ? value & 0xffffffffn : value;
}
