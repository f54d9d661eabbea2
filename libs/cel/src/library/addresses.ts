import { formatIp, type IpAddress, parseIp, quote } from '#apimachinery';
import type { Functions } from '../check/declarations.js';
import { cel } from '../type.js';
import { fail, OpaqueValue, type Value } from '../values/value.js';

/** IP addresses and ranges of Kubernetes: k8s.io/apiserver/pkg/cel/library, ip.go and cidr.go. */

const IP = cel.opaque('net.IP');
const CIDR = cel.opaque('net.CIDR');

class IpValue extends OpaqueValue {
  readonly type = IP;

  constructor(readonly address: IpAddress) {
    super();
  }

  override get size(): number {
    return bitsOf(this.address) / 8;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof IpValue && sameAddress(other.address, this.address);
  }

  override plain(): unknown {
    return formatIp(this.address);
  }
}

class CidrValue extends OpaqueValue {
  readonly type = CIDR;

  constructor(
    readonly address: IpAddress,
    readonly prefix: number,
  ) {
    super();
  }

  override get size(): number {
    return Math.ceil(this.prefix / 8);
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof CidrValue && sameAddress(other.address, this.address) && other.prefix === this.prefix;
  }

  /** The first address of the range. */
  get network(): IpAddress {
    const hostBits = BigInt(bitsOf(this.address) - this.prefix);
    return { family: this.address.family, value: (this.address.value >> hostBits) << hostBits };
  }

  contains({ family, value }: IpAddress): boolean {
    const hostBits = BigInt(bitsOf(this.address) - this.prefix);
    return family === this.address.family && value >> hostBits === this.address.value >> hostBits;
  }

  override plain(): unknown {
    return `${formatIp(this.address)}/${this.prefix}`;
  }
}

function bitsOf({ family }: IpAddress): number {
  return family === 'IPv4' ? 32 : 128;
}

function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.value === b.value;
}

export function declareIp(functions: Functions): void {
  const { bool, int, string } = cel;
  const address = (value: Value | undefined) => (value as IpValue).address;
  functions.global('ip', 'string_to_ip', [string], IP, (text) => new IpValue(parseAddress(text as string)));
  functions.global('ip.isCanonical', 'ip_is_canonical', [string], bool, (text) => {
    return formatIp(parseAddress(text as string)) === text;
  });
  functions.global('isIP', 'is_ip', [string], bool, (text) => typeof tryAddress(text as string) !== 'string');
  functions.global('string', 'ip_to_string', [IP], string, (ip) => formatIp(address(ip)));
  functions.member('family', 'ip_family', [IP], int, (ip) => (address(ip).family === 'IPv4' ? 4n : 6n));
  const test = (name: string, id: string, holds: (address: IpAddress) => boolean) =>
    functions.member(name, id, [IP], bool, (ip) => holds(address(ip)));
  test('isUnspecified', 'ip_is_unspecified', ({ value }) => value === 0n);
  test('isLoopback', 'ip_is_loopback', isLoopback);
  test('isLinkLocalMulticast', 'ip_is_link_local_multicast', isLinkLocalMulticast);
  test('isLinkLocalUnicast', 'ip_is_link_local_unicast', isLinkLocalUnicast);
  test('isGlobalUnicast', 'ip_is_global_unicast', isGlobalUnicast);
}

export function declareCidr(functions: Functions): void {
  const { bool, int, string } = cel;
  const range = (value: Value | undefined) => value as CidrValue;
  functions.global('cidr', 'string_to_cidr', [string], CIDR, (text) => parseRange(text as string));
  functions.global('isCIDR', 'is_cidr', [string], bool, (text) => typeof tryRange(text as string) !== 'string');
  functions.global('string', 'cidr_to_string', [CIDR], string, (cidr) => range(cidr).plain() as string);
  functions.member('containsIP', 'cidr_contains_ip_string', [CIDR, string], bool, (cidr, text) =>
    range(cidr).contains(parseAddress(text as string)),
  );
  functions.member('containsIP', 'cidr_contains_ip_ip', [CIDR, IP], bool, (cidr, ip) =>
    range(cidr).contains((ip as IpValue).address),
  );
  functions.member('containsCIDR', 'cidr_contains_cidr_string', [CIDR, string], bool, (cidr, text) =>
    includes(range(cidr), parseRange(text as string)),
  );
  functions.member('containsCIDR', 'cidr_contains_cidr', [CIDR, CIDR], bool, (cidr, other) =>
    includes(range(cidr), range(other)),
  );
  functions.member('ip', 'cidr_ip', [CIDR], IP, (cidr) => new IpValue(range(cidr).address));
  functions.member('prefixLength', 'cidr_prefix_length', [CIDR], int, (cidr) => BigInt(range(cidr).prefix));
  functions.member(
    'masked',
    'cidr_masked',
    [CIDR],
    CIDR,
    (cidr) => new CidrValue(range(cidr).network, range(cidr).prefix),
  );
}

export const ADDRESS_TYPES = [IP, CIDR];

function includes(outer: CidrValue, inner: CidrValue): boolean {
  return outer.prefix <= inner.prefix && outer.contains(inner.address);
}

function parseAddress(text: string): IpAddress {
  const address = tryAddress(text);
  return typeof address === 'string' ? fail(address) : address;
}

/** The address, or why there is none. */
function tryAddress(text: string): IpAddress | string {
  if (text.includes('%') && text.includes(':')) return `IP address ${quote(text)} with zone value is not allowed`;
  const address = parseIp(text);
  if (address === undefined) {
    return `IP Address ${quote(text)} parse error during conversion from string: ParseAddr(${quote(text)}): unable to parse IP`;
  }
  return isMapped(address) ? `IPv4-mapped IPv6 address ${quote(text)} is not allowed` : address;
}

function parseRange(text: string): CidrValue {
  const range = tryRange(text);
  return typeof range === 'string'
    ? fail(`network address parse error during conversion from string: ${range}`)
    : range;
}

function tryRange(text: string): CidrValue | string {
  const invalid = (why: string) =>
    `network address parse error during conversion from string: netip.ParsePrefix(${quote(text)}): ${why}`;
  const slash = text.lastIndexOf('/');
  if (slash === -1) return invalid("no '/'");
  const address = parseIp(text.slice(0, slash));
  if (address === undefined) return invalid(`ParseAddr(${quote(text.slice(0, slash))}): unable to parse IP`);
  const bits = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(bits)) return invalid(`bad bits after slash: ${quote(bits)}`);
  if (Number(bits) > bitsOf(address)) return invalid('prefix length out of range');
  return isMapped(address)
    ? `IPv4-mapped IPv6 address ${quote(text)} is not allowed`
    : new CidrValue(address, Number(bits));
}

function isMapped({ family, value }: IpAddress): boolean {
  return family === 'IPv6' && value >> 32n === 0xffffn;
}

function isLoopback({ family, value }: IpAddress): boolean {
  return family === 'IPv4' ? value >> 24n === 127n : value === 1n;
}

function isMulticast({ family, value }: IpAddress): boolean {
  return family === 'IPv4' ? value >> 28n === 0xen : value >> 120n === 0xffn;
}

function isLinkLocalMulticast({ family, value }: IpAddress): boolean {
  return family === 'IPv4' ? value >> 8n === 0xe00000n : value >> 120n === 0xffn && ((value >> 112n) & 0xfn) === 2n;
}

function isLinkLocalUnicast({ family, value }: IpAddress): boolean {
  return family === 'IPv4' ? value >> 16n === 0xa9fen : value >> 118n === 0x3fan;
}

function isGlobalUnicast(address: IpAddress): boolean {
  const { family, value } = address;
  const isBroadcast = family === 'IPv4' && value === 0xffffffffn;
  return value !== 0n && !isBroadcast && !isLoopback(address) && !isMulticast(address) && !isLinkLocalUnicast(address);
}
