import { isIP, isIPv4, isIPv6 } from 'node:net';
import { type FieldError, type FieldPath, field } from '#apimachinery';

/** Checks of addresses and CIDRs in upstream's words. */

export { isIPv4, isIPv6 };

/** `existing` are values that the stored object has already: what was accepted once stays accepted. */
export function validateIp(path: FieldPath, value: string, existing: readonly string[] = []): FieldError[] {
  if (isIP(value) !== 0 || existing.includes(value)) return [];
  return [field.invalid(path, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

export function validateCidr(path: FieldPath, value: string, existing: readonly string[] = []): FieldError[] {
  if (isCidr(value) || existing.includes(value)) return [];
  return [field.invalid(path, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
}

function isCidr(value: string): boolean {
  const slash = value.lastIndexOf('/');
  const length = value.slice(slash + 1);
  const family = slash < 0 ? 0 : isIP(value.slice(0, slash));
  return family !== 0 && /^(0|[1-9]\d{0,2})$/.test(length) && Number(length) <= (family === 4 ? 32 : 128);
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
