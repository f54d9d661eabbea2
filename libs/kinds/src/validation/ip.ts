import { isIP, isIPv4, isIPv6 } from 'node:net';
import { type FieldError, type FieldPath, field, nthAddress, type Path } from '#apimachinery';

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
  const unpadded = value.replace(/(^|\.)0+(?=\d)/g, '$1');
  return paddedIPv4.test(value) && isIPv4(unpadded) ? 'must not have leading 0s' : ipText;
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
export function validateIp(path: Path, value: string, existing: readonly string[] = []): FieldError[] {
  const problem = ipProblem(value);
  return problem === undefined || existing.includes(value) ? [] : [field.invalid(path, value, problem)];
}

/** For fields that came after readers had disagreed: also in the one form that everybody writes. */
export function validateCanonicalIp(path: Path, value: string): FieldError[] {
  const errors = validateIp(path, value);
  if (errors.length > 0) return errors;
  const canonical = nthAddress(`${value}/${isIPv4(value) ? 32 : 128}`, 0);
  return value === canonical ? [] : [field.invalid(path, value, `must be in canonical form ("${canonical}")`)];
}

export function validateCidr(path: FieldPath, value: string, existing: readonly string[] = []): FieldError[] {
  const problem = cidrProblem(value);
  return problem === undefined || existing.includes(value) ? [] : [field.invalid(path, value, problem)];
}

function cidrProblem(value: string): string | undefined {
  const [, address = '', length = ''] = /^(.*)\/(\d+)$/.exec(value) ?? [];
  const unpadded = paddedIPv4.test(address) ? address.replace(/(^|\.)0+(?=\d)/g, '$1') : address;
  const family = address.includes('%') ? 0 : isIP(unpadded);
  if (family === 0 || Number(length) > (family === 4 ? 32 : 128)) {
    return 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
  }
  if (unpadded !== address || !/^(0|[1-9]\d*)$/.test(length)) return 'must not have leading 0s in IP or prefix length';
  if (ipProblem(address) !== undefined) return 'must not have an IPv4-mapped IPv6 address';
  const bits = family === 4 ? 32 : 128;
  const first = nthAddress(value, 0);
  return first === nthAddress(`${address}/${bits}`, 0) ? undefined : 'must not have bits set beyond the prefix length';
}

/** Addresses that endpoints may not have: unspecified, loopback, link-local. */
export function validateEndpointIp(value: string, path: FieldPath): FieldError[] {
  if (isIP(value) === 0) return [field.invalid(path, value, 'must be a valid IP address')];
  const v4 = isIPv4(value);
  const low = value.toLowerCase();
  const errors: FieldError[] = [];
  const refuse = (detail: string): void => {
    errors.push(field.invalid(path, value, detail));
  };
  if (value === '0.0.0.0' || low === '::') refuse(`may not be unspecified (${value})`);
  if (v4 ? value.startsWith('127.') : low === '::1') refuse('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (v4 ? value.startsWith('169.254.') : /^fe[89ab]/.test(low)) {
    refuse('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  }
  if (v4 ? value.startsWith('224.0.0.') : low.startsWith('ff02:')) {
    refuse('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  }
  return errors;
}
