import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName, quote, validateLabelSelector } from '#apimachinery';
import type {
  ClusterTrustBundleProjection,
  DownwardAPIProjection,
  PodCertificateProjection,
  ProjectedVolumeSource,
  SecretProjection,
  ServiceAccountTokenProjection,
} from '../../../generated/types.js';
import { ANNOTATIONS_MAX_BYTES } from '../../../meta/object-meta.validation.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';
import { checkLocalFile } from '../path.validation.js';
import type { Leniency } from './pod-validation-context.js';
import { checkDownwardFile, checkFileMode, checkItem } from './pod-volume-files.validation.js';

/** Volumes that put several sources into one folder. */

const tokenLifetime = { min: 600, max: 2 ** 32 };
/** Seconds that a pod's certificate may live: longer for signers that are not the cluster's own. */
const certificateLifetime = { min: 3600, max: 7_862_400, kubernetesMax: 86_400 };
const keyTypes = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const maxSignerName = 571;

const conflict = 'conflicting duplicate paths';

export function checkProjected(at: FieldCursor, volume: ProjectedVolumeSource, lenient: Leniency): void {
  checkFileMode(at, 'defaultMode', volume.defaultMode);
  const sources = volume.sources ?? [];
  const paths = new Set<string>();
  for (let i = 0; i < sources.length; i++) {
    const source = sources[i]!;
    let count = 0;
    if (source.secret !== undefined) {
      count++;
      checkFiles(at, i, 'secret', source.secret, paths);
    }
    if (source.configMap !== undefined) {
      count++;
      checkFiles(at, i, 'configMap', source.configMap, paths);
    }
    if (source.downwardAPI !== undefined) {
      count++;
      checkDownwardFiles(at, i, source.downwardAPI, paths);
    }
    if (source.serviceAccountToken !== undefined) {
      count++;
      checkToken(at, i, source.serviceAccountToken, lenient);
    }
    if (source.clusterTrustBundle !== undefined) {
      count++;
      checkTrustBundle(at, i, source.clusterTrustBundle, paths);
    }
    if (source.podCertificate !== undefined) {
      count++;
      checkCertificate(at, i, source.podCertificate, paths);
    }
    if (count > 1) at.forbidden(`sources[${i}]`, 'may not specify more than 1 volume type per source');
  }
}

function enterSource(at: FieldCursor, index: number, type: string): void {
  at.enter('sources');
  at.enter(index);
  at.enter(type);
}

/** Notes a path; says so, at the volume, when another source has it. */
function claimPath(at: FieldCursor, path: string, value: string, paths: Set<string>): void {
  if (paths.has(path)) at.invalid('', value, conflict);
  paths.add(path);
}

function checkFiles(at: FieldCursor, index: number, type: string, source: SecretProjection, paths: Set<string>): void {
  enterSource(at, index, type);
  if (!source.name) at.required('name');
  at.leave(3);
  const items = source.items ?? [];
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    enterSource(at, index, type);
    at.enter('items');
    at.enter(i);
    checkItem(at, item);
    at.leave(5);
    if (item.path) claimPath(at, item.path, source.name ?? '', paths);
  }
}

function checkDownwardFiles(at: FieldCursor, index: number, source: DownwardAPIProjection, paths: Set<string>): void {
  for (const file of source.items ?? []) {
    enterSource(at, index, 'downwardAPI');
    checkDownwardFile(at, file);
    at.leave(3);
    if (file.path) claimPath(at, file.path, file.path, paths);
  }
}

function checkToken(at: FieldCursor, index: number, source: ServiceAccountTokenProjection, lenient: Leniency): void {
  const { expirationSeconds: seconds, path } = source;
  enterSource(at, index, 'serviceAccountToken');
  if (seconds === undefined) at.required('expirationSeconds');
  else if (seconds < tokenLifetime.min) {
    at.invalid('expirationSeconds', seconds, 'may not specify a duration less than 10 minutes');
  } else if (seconds > tokenLifetime.max) {
    at.invalid('expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds');
  }
  at.leave(3);
  if (!path) at.required('path');
  else if (!lenient.tokenPaths) checkLocalFile(at, 'path', path);
}

function checkTrustBundle(
  at: FieldCursor,
  index: number,
  source: ClusterTrustBundleProjection,
  paths: Set<string>,
): void {
  const { name, signerName, labelSelector, path } = source;
  enterSource(at, index, 'clusterTrustBundle');
  if (name !== undefined && signerName !== undefined) {
    const shown = goStruct('Name SignerName LabelSelector Optional Path User', source);
    at.invalid('', shown, 'only one of name and signerName may be used');
  } else if (name !== undefined) {
    if (name === '') at.required('name', 'must be a valid object name');
    for (const text of bundleNameErrors(name)) at.invalid('name', name, `not a valid clustertrustbundlename: ${text}`);
    if (labelSelector !== undefined) {
      at.invalid('labelSelector', labelSelector, 'labelSelector must be unset if name is specified');
    }
  } else if (signerName !== undefined) {
    if (signerName === '') at.required('signerName', 'must be a valid signer name');
    checkSignerName(at, 'signerName', signerName);
    if (labelSelector !== undefined) at.add(validateLabelSelector(labelSelector, at.path('labelSelector')));
  } else at.required('', 'either name or signerName must be specified');
  if (!path) at.required('path');
  else checkLocalFile(at, 'path', path);
  at.leave(3);
  claimPath(at, path, path, paths);
}

function bundleNameErrors(name: string): string[] {
  const colon = name.lastIndexOf(':');
  return isDNS1123Subdomain(colon < 0 ? name : name.slice(colon + 1));
}

function checkCertificate(at: FieldCursor, index: number, source: PodCertificateProjection, paths: Set<string>): void {
  const { signerName, keyType, maxExpirationSeconds: seconds } = source;
  enterSource(at, index, 'podCertificate');
  checkSignerName(at, 'signerName', signerName);
  checkUserAnnotations(at, 'userAnnotations', source.userAnnotations);
  if (!keyTypes.includes(keyType)) at.notSupported('keyType', keyType, keyTypes);
  if (seconds !== undefined) {
    const { min } = certificateLifetime;
    if (seconds < min)
      at.invalid('maxExpirationSeconds', seconds, `if provided, maxExpirationSeconds must be >= ${min}`);
    const max = isKubernetesSigner(signerName) ? certificateLifetime.kubernetesMax : certificateLifetime.max;
    if (seconds > max)
      at.invalid('maxExpirationSeconds', seconds, `if provided, maxExpirationSeconds must be <= ${max}`);
  }
  at.leave(3);
  let count = 0;
  for (const name of ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const) {
    const path = source[name];
    if (!path) continue;
    count++;
    enterSource(at, index, 'podCertificate');
    checkLocalFile(at, name, path);
    at.leave(3);
    claimPath(at, path, path, paths);
  }
  if (count > 0) return;
  const detail = 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath';
  at.required(`sources[${index}].podCertificate`, detail);
}

/** Certificates of such signers live a day at most. */
export function isKubernetesSigner(name: string): boolean {
  const host = name.split('/')[0]!;
  return host === 'kubernetes.io' || host.endsWith('.kubernetes.io');
}

/** Hints for a signer: keys with a domain, and no more of them than an object may have annotations. */
export function checkUserAnnotations(
  at: FieldCursor,
  name: string,
  annotations: Record<string, string> | undefined,
): void {
  let bytes = 0;
  for (const key in annotations) {
    const lower = key.toLowerCase();
    const problems = isQualifiedName(lower);
    if (lower === '') at.required(name);
    else if (problems.length > 0) for (const text of problems) at.invalid(name, lower, text);
    else if (!lower.includes('/')) at.invalid(name, lower, 'must be a domain-prefixed key (such as "acme.io/foo")');
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key]!);
  }
  if (bytes > ANNOTATIONS_MAX_BYTES) at.tooLong(name, ANNOTATIONS_MAX_BYTES);
}

/** `example.com/signer`: a domain of two labels at least, and a path of subdomains. */
export function checkSignerName(at: FieldCursor, name: string, signer: string): void {
  if (!signer) {
    at.required(name);
    return;
  }
  const segments = signer.split('/');
  if (segments.length !== 2) {
    const detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    at.invalid(name, signer, detail);
    return;
  }
  const [domain, path] = segments as [string, string];
  if (domain.length > 253) at.tooLong(name, 253);
  const labels = domain.split('.');
  const badLabel = labels.find((label) => isDNS1123Label(label).length > 0);
  for (const text of badLabel === undefined ? [] : isDNS1123Label(badLabel)) {
    at.invalid(name, domain, `validating label ${quote(badLabel!)}: ${text}`);
  }
  if (labels.length < 2) at.invalid(name, domain, 'should be a domain with at least two segments separated by dots');
  const badPart = path.split('.').find((part) => isDNS1123Subdomain(part).length > 0);
  for (const text of badPart === undefined ? [] : isDNS1123Subdomain(badPart)) {
    at.invalid(name, path, `validating label ${quote(badPart!)}: ${text}`);
  }
  if (signer.length > maxSignerName) at.tooLong(name, maxSignerName);
}
