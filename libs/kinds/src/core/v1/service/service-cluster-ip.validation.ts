import { appendAll, type FieldError, FieldPath, field } from '#apimachinery';
import type { ServiceSpec } from '../../../generated/types.js';
import { isIPv6, validateIp } from '../../../validation/ip.js';

/** A service's cluster IPs and their families. */

const root = FieldPath.of('spec');
const ipsPath = root.child('clusterIPs');
const familiesPath = root.child('ipFamilies');
const policyPath = root.child('ipFamilyPolicy');
const families = ['IPv4', 'IPv6'];
const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

export function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
}

export function clusterIpErrors(spec: ServiceSpec, old: ServiceSpec | undefined): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const ips = spec.clusterIPs ?? [];
  const known = new Set(old?.clusterIPs);
  const errors = [...firstErrors(spec.clusterIP ?? '', ips), ...familyErrors(spec)];
  let bad = false;
  ips.forEach((ip, i) => {
    let found: FieldError[] = [];
    if (i > 0 || ip !== 'None') found = validateIp(ipsPath.index(i), ip, known);
    else if (ips.length > 1) found = [field.invalid(ipsPath, ips, "'None' must be the first and only value")];
    bad ||= found.length > 0;
    appendAll(errors, found);
  });
  if (ips.length > 2) errors.push(field.invalid(ipsPath, ips, 'may only hold up to 2 values'));
  if (bad) return errors;
  if (ips.length > 1 && new Set(ips.map(isIPv6)).size !== ips.length) {
    errors.push(field.invalid(ipsPath, ips, 'may specify no more than one IP for each IP family'));
  }
  if (!isHeadless(spec)) {
    ips.forEach((ip, i) => {
      const family = spec.ipFamilies?.[i];
      if (family === undefined || isIPv6(ip) === (family === 'IPv6')) return;
      errors.push(
        field.invalid(ipsPath.index(i), ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``),
      );
    });
  }
  return errors;
}

function firstErrors(ip: string, ips: string[]): FieldError[] {
  if (ip === '') {
    return ips.length === 0 ? [] : [field.invalid(ipsPath, ips, 'must be empty when `clusterIP` is not specified')];
  }
  if (ips.length === 0) return [field.required(ipsPath)];
  return ips[0] === ip ? [] : [field.invalid(ipsPath, ips, 'first value must match `clusterIP`')];
}

function familyErrors({ ipFamilies = [], ipFamilyPolicy }: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  ipFamilies.forEach((family, i) => {
    if (!families.includes(family)) errors.push(field.notSupported(familiesPath.index(i), family, families));
    if (seen.has(family)) errors.push(field.duplicate(familiesPath.index(i), family));
    seen.add(family);
  });
  if (ipFamilyPolicy !== undefined && !policies.includes(ipFamilyPolicy)) {
    errors.push(field.notSupported(policyPath, ipFamilyPolicy, policies));
  }
  return errors;
}

const fixed = 'may not change once set';

/** The first address and family stay; a second one may come, and go when the service says SingleStack. */
export function clusterIpChangeErrors(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return [];
  const wasHeadless = isHeadless(old);
  if (wasHeadless && isHeadless(spec)) return [];
  const errors = changed(spec.clusterIPs ?? [], old.clusterIPs ?? [], spec, ipsPath, 'clusterIP');
  if (wasHeadless || isHeadless(spec)) return errors;
  return [...errors, ...changed(spec.ipFamilies ?? [], old.ipFamilies ?? [], spec, familiesPath, 'ipFamily')];
}

function changed(now: string[], before: string[], spec: ServiceSpec, path: FieldPath, what: string): FieldError[] {
  const errors: FieldError[] = [];
  if (now.length === before.length) {
    before.forEach((value, i) => {
      if (value !== now[i]) errors.push(field.invalid(path.index(what === 'clusterIP' ? i : 0), now, fixed));
    });
    return errors;
  }
  if (now.length === 0) errors.push(field.invalid(path.index(0), now, `primary ${what} can not be unset`));
  else if (before.length > 0 && now[0] !== before[0]) errors.push(field.invalid(path.index(0), now, fixed));
  if (now.length === 1 && before.length > 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const detail = `must be set to 'SingleStack' when releasing the secondary ${what}`;
    errors.push(field.invalid(policyPath, spec.ipFamilyPolicy ?? null, detail));
  }
  return errors;
}
