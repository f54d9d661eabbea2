import { appendAll, type FieldError, field, type IpFamily, invalid, type KubeObject, parseIp } from '#apimachinery';
import { clusterIpErrors, type ServiceSpec } from '#kinds';

/** Which IP families a Service has, by its policy, its addresses and the cluster. Pure but for the Service it completes. */

export const HEADLESS = 'None';
const POLICY = 'spec.ipFamilyPolicy';

/** Refuses a Service with the reference's 422. */
export function refuseService(service: KubeObject, errors: FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', errors);
}

/**
 * A Service that prefers two families and says nothing new about them keeps what it has: a cluster that gains or loses a
 * family changes no Service by itself.
 */
export function keepsFamilies(service: KubeObject, old: KubeObject): boolean {
  const now: ServiceSpec = service.spec;
  const before: ServiceSpec = old.spec;
  return (
    now.type === before.type &&
    now.type !== 'ExternalName' &&
    now.ipFamilyPolicy === 'PreferDualStack' &&
    (before.ipFamilyPolicy ?? 'PreferDualStack') === 'PreferDualStack' &&
    sameList(now.clusterIPs, before.clusterIPs) &&
    sameList(now.ipFamilies, before.ipFamilies)
  );
}

/** Fills in ipFamilyPolicy and ipFamilies. `configured` are the cluster's families, the primary one first. Throws 422. */
export function settleFamilies(
  service: KubeObject,
  old: KubeObject | undefined,
  configured: readonly IpFamily[],
): void {
  const spec: ServiceSpec = service.spec;
  const before: ServiceSpec | undefined = old?.spec;
  // Whoever manages the endpoints of such a Service knows their families; the cluster does not.
  const free = spec.clusterIP === HEADLESS && Object.keys(spec.selector ?? {}).length === 0;
  // On an update nothing changes between one and two families without being said.
  spec.ipFamilyPolicy ??= before?.ipFamilyPolicy ?? (free ? 'RequireDualStack' : 'SingleStack');
  refuseService(service, clusterIpErrors(spec, before));
  const single = spec.ipFamilyPolicy === 'SingleStack';
  const errors = single ? [] : releaseErrors(spec, before ?? {});
  if (single) {
    if (before) dropSecond(spec, before);
    appendAll(errors, singleStackErrors(spec));
  }
  appendAll(errors, inferFamilies(spec, configured));
  refuseService(service, errors);
  if (!free) refuseService(service, configurationErrors(spec, configured));
  const families = spec.ipFamilies?.length ? spec.ipFamilies : [configured[0]!];
  const second = !single && families.length === 1 && (free || configured.length === 2);
  spec.ipFamilies = second ? [families[0]!, families[0] === 'IPv4' ? 'IPv6' : 'IPv4'] : families;
}

/** SingleStack with the lists as they were means: the second of each goes. The first may not change anyway. */
function dropSecond(spec: ServiceSpec, before: ServiceSpec): void {
  if (sameList(spec.clusterIPs, before.clusterIPs)) spec.clusterIPs = spec.clusterIPs?.slice(0, 1);
  if (sameList(spec.ipFamilies, before.ipFamilies)) spec.ipFamilies = spec.ipFamilies?.slice(0, 1);
}

function releaseErrors(spec: ServiceSpec, before: ServiceSpec): FieldError[] {
  const shrinks = (now: string[] = [], then: string[] = []) => now.length > 0 && now.length < then.length;
  const refusal = (what: string) =>
    field.invalid(POLICY, spec.ipFamilyPolicy, `must be 'SingleStack' to release the secondary ${what}`);
  return [
    ...(shrinks(spec.clusterIPs, before.clusterIPs) ? [refusal('cluster IP')] : []),
    ...(shrinks(spec.ipFamilies, before.ipFamilies) ? [refusal('IP family')] : []),
  ];
}

function singleStackErrors(spec: ServiceSpec): FieldError[] {
  const refusal = (what: string) => {
    const text = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
    return field.invalid(POLICY, spec.ipFamilyPolicy, text);
  };
  return [
    ...(spec.clusterIPs?.length === 2 ? [refusal('cluster IPs')] : []),
    ...(spec.ipFamilies?.length === 2 ? [refusal('IP families')] : []),
  ];
}

/** Addresses that were asked for say which families are meant. */
function inferFamilies(spec: ServiceSpec, configured: readonly IpFamily[]): FieldError[] {
  const errors: FieldError[] = [];
  const ips = (spec.clusterIPs ?? []) as string[];
  for (let i = spec.ipFamilies?.length ?? 0; i < ips.length; i += 1) {
    const family = parseIp(ips[i]!)?.family;
    if (!family) break;
    if (configured.includes(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    else errors.push(field.invalid(`spec.clusterIPs[${i}]`, ips, `${family} is not configured on this cluster`));
  }
  return errors;
}

function configurationErrors(spec: ServiceSpec, configured: readonly IpFamily[]): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) {
    const text = 'this cluster is not configured for dual-stack services';
    errors.push(field.invalid(POLICY, spec.ipFamilyPolicy, text));
  }
  ((spec.ipFamilies ?? []) as IpFamily[]).forEach((family, i) => {
    if (configured.includes(family)) return;
    errors.push(field.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  });
  return errors;
}

export function sameList(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
