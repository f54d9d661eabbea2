import { isIPv4, isIPv6 } from 'node:net';

/** The address of the Service `kubernetes` in a Service range. Throws when the range is malformed or too small. */
export function apiAddress(serviceRange: string): string {
  return nthAddress(serviceRange, 1);
}

/** The address of the Service `kube-dns` in a Service range. Throws when the range is malformed or too small. */
export function dnsAddress(serviceRange: string): string {
  return nthAddress(serviceRange, 10);
}

/**
 * The n-th address of a CIDR; 0 is the network address.
 * Throws when the range is malformed or too small.
 */
export function nthAddress(cidr: string, n: number): string {
  const [address = '', prefix = ''] = cidr.split('/');
  const v4 = isIPv4(address);
  const bits = v4 ? 32 : 128;
  const length = Number(prefix);
  if ((!v4 && !isIPv6(address)) || prefix === '' || !Number.isInteger(length) || length < 0 || length > bits) {
    throw new Error(`invalid CIDR address: ${cidr}`);
  }
  const hostBits = BigInt(bits - length);
  if (BigInt(n) >= 1n << hostBits)
    throw new Error(`can't generate IP with index ${n} from subnet. subnet too small. subnet: "${cidr}"`);
  const value = (((v4 ? parseV4(address) : parseV6(address)) >> hostBits) << hostBits) + BigInt(n);
  return v4 ? formatV4(value) : formatV6(value);
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
