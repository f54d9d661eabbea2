import { isIP, isIPv4, isIPv6 } from 'node:net';
import {
  type Cidr,
  type FieldError,
  type FieldPath,
  field,
  formatIp,
  type IpAddress,
  nthAddress,
  type Path,
  parseCidr,
  parseIp,
  quote,
} from '#apimachinery';

/** Checks of addresses and CIDRs in upstream's words. */

export { isIPv4, isIPv6 };

const ipText = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const paddedIPv4 = /^0*(?:\d{1,3})(?:\.0*\d{1,3}){3}$/;

/** What is wrong with an address; undefined when nothing is. Readers disagree on padded and on mapped ones. */
function ipProblem(value: string): string | undefined {
  if (isIPv4(value)) return undefined;
  if (isIPv6(value) && !value.includes('%')) {
    return /^[0:]*:ffff:(?:\d+\.|[0-9a-f]+:[0-9a-f]+$)/i.test(value) && isMapped(value)
      ? 'must not be an IPv4-mapped IPv6 address'
      : undefined;
  }
  return paddedIPv4.test(value) && isIPv4(unpadded(value)) ? 'must not have leading 0s' : ipText;
}

/** Five groups of zeros, then ffff, then the address. */
function isMapped(value: string): boolean {
  const groups = value.replace(/\d+\.\d+\.\d+\.\d+$/, '0:0').toLowerCase();
  const [head = '', tail] = groups.split('::') as [string, string | undefined];
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array<string>(Math.max(0, missing)).fill('0'), ...after];
  return all.slice(0, 5).every((group) => Number.parseInt(group, 16) === 0) && all[5] === 'ffff';
}

/** `existing` are values that the stored object has already: what was accepted once stays accepted. */
export function validateIp(path: Path, value: string, existing?: ReadonlySet<string>): FieldError[] {
  const problem = ipProblem(value);
  return problem === undefined || existing?.has(value) ? [] : [field.invalid(path, value, problem)];
}

/** For fields that came after readers had disagreed: also in the one form that everybody writes. */
export function validateCanonicalIp(path: Path, value: string): FieldError[] {
  const problem = canonicalIpProblem(value);
  return problem === undefined ? [] : [field.invalid(path, value, problem)];
}

export function canonicalIpProblem(value: string): string | undefined {
  const problem = ipProblem(value);
  if (problem !== undefined) return problem;
  const canonical = nthAddress(`${value}/${isIPv4(value) ? 32 : 128}`, 0);
  return value === canonical ? undefined : `must be in canonical form ("${canonical}")`;
}

export function validateCidr(path: FieldPath, value: string, existing?: ReadonlySet<string>): FieldError[] {
  const problem = cidrProblem(value);
  return problem === undefined || existing?.has(value) ? [] : [field.invalid(path, value, problem)];
}

function cidrProblem(value: string): string | undefined {
  const [, address = '', length = ''] = /^(.*)\/(\d+)$/.exec(value) ?? [];
  const plain = paddedIPv4.test(address) ? unpadded(address) : address;
  const family = address.includes('%') ? 0 : isIP(plain);
  if (family === 0 || Number(length) > (family === 4 ? 32 : 128)) {
    return 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
  }
  if (plain !== address || !/^(0|[1-9]\d*)$/.test(length)) return 'must not have leading 0s in IP or prefix length';
  if (ipProblem(address) !== undefined) return 'must not have an IPv4-mapped IPv6 address';
  const bits = family === 4 ? 32 : 128;
  const first = nthAddress(value, 0);
  return first === nthAddress(`${address}/${bits}`, 0) ? undefined : 'must not have bits set beyond the prefix length';
}

/** An address with the length of its network's prefix, in canonical form. */
export function validateInterfaceAddress(path: FieldPath, value: string): FieldError[] {
  const [, address = '', length = ''] = /^(.*)\/(\d+)$/.exec(value) ?? [];
  const ip = sloppyIp(address);
  const isV6 = address.includes(':');
  if (ip === undefined || Number(length) > (isV6 ? 128 : 32)) {
    return [field.invalid(path, value, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')];
  }
  // What is mapped into IPv6 has the prefix of the mapping, too.
  const isMappedLength = ip.family === 'IPv4' && Number(length) > 32;
  const canonical = `${formatIp(ip)}/${isMappedLength ? Number(length) - 96 : Number(length)}`;
  return value === canonical ? [] : [field.invalid(path, value, `must be in canonical form ("${canonical}")`)];
}

/** For fields that came after readers had disagreed: also in the one form that everybody writes. */
export function validateCanonicalCidr(path: FieldPath, value: string): FieldError[] {
  const errors = validateCidr(path, value);
  if (errors.length > 0) return errors;
  const canonical = `${nthAddress(value, 0)}/${value.slice(value.indexOf('/') + 1)}`;
  return value === canonical ? [] : [field.invalid(path, value, `must be in canonical form ("${canonical}")`)];
}

/** A CIDR read as leniently as the reference reads it: addresses may be padded, and may have bits beyond the prefix. */
export function sloppyCidr(value: string): Cidr | undefined {
  const [address = '', length = ''] = value.split('/');
  return parseCidr(`${paddedIPv4.test(address) ? unpadded(address) : address}/${length}`);
}

/** Whether the inner range is a part of the outer one, and smaller. */
export function isStrictSubset(inner: Cidr, outer: Cidr): boolean {
  if (inner.network.family !== outer.network.family || inner.hostBits >= outer.hostBits) return false;
  const bits = BigInt(outer.hostBits);
  return inner.network.value >> bits === outer.network.value >> bits;
}

/** What some read as an address, and may thus not stand where a name is wanted. */
export function isSloppyIp(value: string): boolean {
  return sloppyIp(value) !== undefined;
}

function unpadded(address: string): string {
  return address.replace(/(^|\.)0+(?=\d)/g, '$1');
}

const mappedPrefix = 0xffffn << 32n;

/** As number; IPv4 also when it is padded with zeros, or mapped into IPv6. */
function sloppyIp(value: string): IpAddress | undefined {
  const ip = parseIp(paddedIPv4.test(value) ? unpadded(value) : value);
  if (ip?.family !== 'IPv6' || ip.value >> 32n !== mappedPrefix >> 32n) return ip;
  return { family: 'IPv4', value: ip.value - mappedPrefix };
}

/** What to say of an address that is taken, and not written as it should be. */
export function ipWarning(value: string): string | undefined {
  const ip = sloppyIp(value);
  if (ip === undefined) return undefined;
  if (ip.family === 'IPv4') {
    return isIPv4(value) ? undefined : `non-standard IP address ${quote(value)} is invalid: use ${quote(formatIp(ip))}`;
  }
  const canonical = nthAddress(`${value}/128`, 0);
  if (canonical === value) return undefined;
  return `IPv6 address ${quote(value)} should be in RFC 5952 canonical format (${quote(canonical)})`;
}

/** Addresses that endpoints may not have: unspecified, loopback, link-local. */
export function validateEndpointIp(text: string, path: FieldPath): FieldError[] {
  const ip = sloppyIp(text);
  if (!ip) return [field.invalid(path, text, 'must be a valid IP address')];
  const { value } = ip;
  const v4 = ip.family === 'IPv4';
  const errors: FieldError[] = [];
  const refuse = (detail: string): void => {
    errors.push(field.invalid(path, text, detail));
  };
  if (value === 0n) refuse(`may not be unspecified (${text})`);
  if (v4 ? value >> 24n === 127n : value === 1n) refuse('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (v4 ? value >> 16n === 0xa9fen : value >> 118n === 0xfe80n >> 6n) {
    refuse('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  }
  // Whatever the flags are, the third digit: only the scope counts.
  if (v4 ? value >> 8n === 0xe00000n : ((value >> 112n) & 0xff0fn) === 0xff02n) {
    refuse('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  }
  return errors;
}
