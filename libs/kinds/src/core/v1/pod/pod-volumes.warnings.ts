import { quote } from '#apimachinery';
import type { Volume, VolumeProjection } from '../../../generated/types.js';
import type { WarningCursor } from '../../../validation/warning-cursor.js';
import { warnOfClaim } from '../persistent-volume-claim/persistent-volume-claim.warnings.js';

/** Sources that are of the API and of no use any more. */
const deprecated = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
] as const;

export function warnOfVolumes(at: WarningCursor, volumes: readonly Volume[]): void {
  at.enter('volumes');
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i]!;
    at.enter(i);
    for (const [source, text] of deprecated) {
      if (volume[source] !== undefined) at.warn(source === 'storageos' ? 'storageOS' : source, text);
    }
    const claim = volume.ephemeral?.volumeClaimTemplate;
    if (claim !== undefined) {
      at.enter('ephemeral.volumeClaimTemplate.spec');
      warnOfClaim(at, claim.spec);
      at.leave();
    }
    at.leave();
  }
  at.leave();
  for (const volume of volumes) warnOfPaths(at, volume);
}

interface PlacedFile {
  path: string;
  /** Of a projected volume: names what the file is from. Most files are told of nowhere, so it is made when one is. */
  source?: () => string;
}

/** Files of one volume that are the same, or one below the other: the last wins, or the volume cannot be made. */
function warnOfPaths(at: WarningCursor, volume: Volume): void {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap?.items !== undefined) {
    warnOfOverlaps(at, volume, configMap.items, () => `ConfigMap ${quote(configMap.name ?? '')}`);
  }
  if (secret?.items !== undefined) {
    warnOfOverlaps(at, volume, secret.items, () => `Secret ${quote(secret.secretName ?? '')}`);
  }
  if (downwardAPI?.items !== undefined) warnOfOverlaps(at, volume, downwardAPI.items, () => 'DownwardAPI');
  if (projected === undefined) return;
  const files: PlacedFile[] = [];
  for (const source of projected.sources ?? []) {
    if (!addProjected(files, source)) at.say(`volume ${quote(volume.name)} (Projected) has no sources provided`);
  }
  warnOfOverlaps(at, volume, files, () => 'Projected');
}

/** False when the projection is of nothing. */
function addProjected(files: PlacedFile[], projection: VolumeProjection): boolean {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = projection;
  const add = (source: () => string, items: readonly { path: string }[]) => {
    for (const { path } of items) files.push({ path, source });
  };
  const addIfSet = (what: string, path: string | undefined) => {
    if (path) files.push({ path, source: () => `PodCertificate ${what}` });
  };
  if (configMap?.items !== undefined) add(() => `ConfigMap ${quote(configMap.name ?? '')}`, configMap.items);
  else if (secret?.items !== undefined) add(() => `Secret ${quote(secret.name ?? '')}`, secret.items);
  else if (downwardAPI?.items !== undefined) add(() => 'DownwardAPI', downwardAPI.items);
  else if (serviceAccountToken !== undefined) add(() => 'ServiceAccountToken', [serviceAccountToken]);
  else if (clusterTrustBundle !== undefined) {
    const { name, signerName = '' } = clusterTrustBundle;
    add(() => `ClusterTrustBundle ${quote(name ?? signerName)}`, [clusterTrustBundle]);
  } else if (podCertificate !== undefined) {
    addIfSet('chain', podCertificate.certificateChainPath);
    addIfSet('key', podCertificate.keyPath);
    addIfSet('credential bundle', podCertificate.credentialBundlePath);
  } else {
    for (const _ in projection) return true;
    return false;
  }
  return true;
}

function warnOfOverlaps(
  at: WarningCursor,
  { name }: Volume,
  files: readonly PlacedFile[],
  volumeSource: () => string,
): void {
  const before: PlacedFile[] = [];
  for (const { path: given, source } of files) {
    const path = given.endsWith('/') ? given.replace(/\/+$/, '') : given;
    const placed = { path, source };
    for (const other of path === '' ? [] : before) {
      if (!at.mayCompare()) return;
      if (other.path === '' || !overlap(path, other.path)) continue;
      at.say(`volume ${quote(name)} (${volumeSource()}): overlapping paths: ${shown(placed)} with ${shown(other)}`);
    }
    before.push(placed);
  }
}

function overlap(a: string, b: string): boolean {
  if (a.length === b.length) return a === b;
  return a.length > b.length ? a.startsWith(b) && a[b.length] === '/' : b.startsWith(a) && b[a.length] === '/';
}

function shown({ path, source }: PlacedFile): string {
  return source === undefined ? quote(path) : `${quote(path)} (${source()})`;
}
