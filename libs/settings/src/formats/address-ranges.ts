import { type Cidr, parseCidr } from '#apimachinery';

/** Prefix lengths of ranges that addresses can be given from one by one. */
const PREFIXES = { IPv4: { from: 8, to: 30 }, IPv6: { from: 64, to: 126 } } as const;

/** Throws an Error with one line unless addresses can be given from the range one by one. */
export function parseAddressRange(cidr: string): Cidr {
  const parsed = parseCidr(cidr);
  if (!parsed) throw new Error(`invalid CIDR ${JSON.stringify(cidr)}: expected an address and a prefix length`);
  const { family } = parsed.network;
  const { from, to } = PREFIXES[family];
  const bits = prefixLength(parsed);
  if (bits < from || bits > to) {
    throw new Error(`invalid ${family} CIDR ${JSON.stringify(cidr)}: expected a prefix length from ${from} to ${to}`);
  }
  return parsed;
}

/** `v4`, `v6`, or one of each with a comma between: the first is the primary one. Throws for anything else. */
export function splitServiceRanges(text: string): string[] {
  const ranges = text.split(',').map((cidr) => cidr.trim());
  const [first, second] = ranges.map(parseAddressRange);
  if (ranges.length > 2) throw new Error('must not contain more than two entries');
  if (second && first!.network.family === second.network.family) {
    throw new Error('the two entries must be of different IP family');
  }
  return ranges;
}

/** Addresses of pods. Throws unless the first entry is IPv4. */
export function checkPodRange(text: string): void {
  const { network } = parseAddressRange(text.split(',')[0]!.trim());
  if (network.family !== 'IPv4') {
    throw new Error('the first entry must be IPv4: the pod network has no other addresses');
  }
}

/** `30000-32767`, both ends included. Throws for anything else. */
export function parsePortRange(text: string): { first: number; last: number } {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || first < 1 || last > 65535 || first > last) {
    throw new Error(`invalid port range ${JSON.stringify(text)}: expected FIRST-LAST within 1-65535`);
  }
  return { first, last };
}

export function isRange(text: string, family: 'IPv4' | 'IPv6', from: number, to: number): boolean {
  const parsed = parseCidr(text);
  if (parsed?.network.family !== family) return false;
  const bits = prefixLength(parsed);
  return bits >= from && bits <= to;
}

/** Both are well-formed ranges of one family. */
export function rangesOverlap(a: string, b: string): boolean {
  const [first, second] = [parseCidr(a)!, parseCidr(b)!];
  const hostBits = BigInt(Math.max(first.hostBits, second.hostBits));
  return first.network.value >> hostBits === second.network.value >> hostBits;
}

function prefixLength({ network, hostBits }: Cidr): number {
  return (network.family === 'IPv4' ? 32 : 128) - hostBits;
}
