import { isIPv4, isIPv6 } from 'node:net';

/** Addresses of both families as numbers. */

export type IpFamily = 'IPv4' | 'IPv6';

export interface IpAddress {
  family: IpFamily;
  value: bigint;
}

/** Undefined for what is no address, has leading zeros, or names a zone. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 'IPv4', value: parseV4(text) };
  if (isIPv6(text) && !text.includes('%')) return { family: 'IPv6', value: parseV6(text) };
  return undefined;
}

/** The canonical text. */
export function formatIp({ family, value }: IpAddress): string {
  return family === 'IPv4' ? formatV4(value) : formatV6(value);
}

export interface Cidr {
  /** The network address. */
  network: IpAddress;
  hostBits: number;
}

/** Undefined when it is malformed. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', prefix = '', ...more] = text.split('/');
  const ip = parseIp(address);
  if (!ip || more.length > 0 || !/^\d{1,3}$/.test(prefix)) return undefined;
  const hostBits = (ip.family === 'IPv4' ? 32 : 128) - Number(prefix);
  if (hostBits < 0) return undefined;
  const mask = BigInt(hostBits);
  return { network: { family: ip.family, value: (ip.value >> mask) << mask }, hostBits };
}

/** The address of the Service `kubernetes` in a Service range. Throws when the range is malformed or too small. */
export function apiAddress(serviceRange: string): string {
  return nthAddress(serviceRange, 1);
}

/** The address of the Service `kube-dns` in a Service range, the first of several. Throws when the range is malformed or too small. */
export function dnsAddress(serviceRange: string): string {
  return nthAddress(serviceRange.split(',')[0]!, 10);
}

/**
 * The n-th address of a CIDR; 0 is the network address.
 * Throws when the range is malformed or too small.
 */
export function nthAddress(cidr: string, n: number): string {
  const parsed = parseCidr(cidr);
  if (!parsed) throw new Error(`invalid CIDR address: ${cidr}`);
  if (BigInt(n) >= 1n << BigInt(parsed.hostBits))
    throw new Error(`can't generate IP with index ${n} from subnet. subnet too small. subnet: "${cidr}"`);
  const { family, value } = parsed.network;
  return formatIp({ family, value: value + BigInt(n) });
}

function parseV4(address: string): bigint {
  return address.split('.').reduce((sum, part) => (sum << 8n) + BigInt(part), 0n);
}

function formatV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function parseV6(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':').flatMap(expandDotted));
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const middle = new Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...middle, ...right].reduce((sum, word) => (sum << 16n) + BigInt(`0x${word}`), 0n);
}

/** The last 32 bits may be written as IPv4. */
function expandDotted(word: string): string[] {
  if (!word.includes('.')) return [word];
  const value = parseV4(word);
  return [(value >> 16n).toString(16), (value & 0xffffn).toString(16)];
}

/** RFC 5952: lower case, the longest run of zero words (the first of equals, at least two) as `::`. */
function formatV6(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && words[end] === '0') end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  if (best.start < 0) return words.join(':');
  return `${words.slice(0, best.start).join(':')}::${words.slice(best.start + best.length).join(':')}`;
}
