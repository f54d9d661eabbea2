import {
  bare,
  checkNamePrefix,
  type FormatCheck,
  isDNS1035Label,
  isDNS1123Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isPathSegmentPrefix,
  maxLengthMessage,
  ownValue,
} from '#apimachinery';
import { validationFacts } from '../facts.js';
import { kindKey } from '../registry/kind-strategy.js';
import { canonicalIpProblem } from '../validation/ip.js';

/** Checks metadata.name, or metadata.generateName when `prefix` is true: there a trailing dash is fine. */
export type NameCheck = (name: string, prefix: boolean) => string[];

const none: NameCheck = () => [];

function of(check: FormatCheck): NameCheck {
  return (name, prefix) => (prefix ? checkNamePrefix(check, name) : check(name));
}

const formats = bare<NameCheck>({
  dns1123Label: of(isDNS1123Label),
  dns1123Subdomain: of(isDNS1123Subdomain),
  dns1035Label: of(isDNS1035Label),
  pathSegment: (name, prefix) => (prefix ? isPathSegmentPrefix(name) : isPathSegmentName(name)),
});

function limited(check: NameCheck, max: number): NameCheck {
  return (name, prefix) => [...check(name, prefix), ...(name.length > max ? [maxLengthMessage(max)] : [])];
}

const signerBundleName: NameCheck = (name, prefix) =>
  name.includes(':') ? [] : formats['dns1123Subdomain']!(name, prefix);

const special = bare<NameCheck>({
  'v1/Event': none,
  'batch/v1/CronJob': limited(formats['dns1123Subdomain']!, 52),
  'storage.k8s.io/v1/CSIDriver': limited(formats['dns1123Subdomain']!, 63),
  'certificates.k8s.io/v1/CertificateSigningRequest': none,
  'certificates.k8s.io/v1/ClusterTrustBundle': signerBundleName,
  'networking.k8s.io/v1/IPAddress': (name) => [canonicalIpProblem(name)].filter((problem) => problem !== undefined),
  'apiregistration.k8s.io/v1/APIService': formats['pathSegment']!,
});

const checks = new Map<string, NameCheck>();

/** The name format of a kind. */
export function nameCheckOf(group: string, version: string, kind: string): NameCheck {
  const key = kindKey(group, version, kind);
  let check = checks.get(key);
  if (check === undefined) {
    const told = ownValue(validationFacts().kinds, key)?.name ?? '';
    check = special[key] ?? formats[told.split(' ')[0] ?? ''] ?? formats['dns1123Subdomain']!;
    checks.set(key, check);
  }
  return check;
}
