import { quote } from '#apimachinery';
import type { PersistentVolumeClaimSpec, Volume, VolumeProjection } from '../../generated/types.js';
import { isFraction } from '../../validation/quantities.js';
import type { WarningCursor } from '../../validation/warning-cursor.js';

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

/** Claims, too, come in whole bytes. */
export function warnOfClaim(at: WarningCursor, { resources }: PersistentVolumeClaimSpec): void {
  for (const list of ['requests', 'limits'] as const) {
    const amount = resources?.[list]?.['storage'];
    if (typeof amount !== 'string' || !isFraction(amount)) continue;
    at.warn(`resources.${list}[storage]`, `fractional byte value ${quote(amount)} is invalid, must be an integer`);
  }
}

interface PlacedFile {
  path: string;
  /** Of a projected volume: what the file is from. */
  source: string;
}

/** Files of one volume that are the same, or one below the other: the last wins, or the volume cannot be made. */
function warnOfPaths(at: WarningCursor, volume: Volume): void {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap?.items !== undefined) {
    warnOfOverlaps(at, volume, `ConfigMap ${quote(configMap.name ?? '')}`, filesOf(configMap.items, ''));
  }
  if (secret?.items !== undefined) {
    warnOfOverlaps(at, volume, `Secret ${quote(secret.secretName ?? '')}`, filesOf(secret.items, ''));
  }
  if (downwardAPI?.items !== undefined) warnOfOverlaps(at, volume, 'DownwardAPI', filesOf(downwardAPI.items, ''));
  if (projected === undefined) return;
  const files = (projected.sources ?? []).flatMap((source) => {
    if (Object.keys(source).length > 0) return projectedFiles(source);
    at.say(`volume ${quote(volume.name)} (Projected) has no sources provided`);
    return [];
  });
  warnOfOverlaps(at, volume, 'Projected', files);
}

function filesOf(items: readonly { path: string }[], source: string): PlacedFile[] {
  return items.map(({ path }) => ({ path, source }));
}

function projectedFiles(projection: VolumeProjection): PlacedFile[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = projection;
  if (configMap?.items !== undefined) return filesOf(configMap.items, `ConfigMap ${quote(configMap.name ?? '')}`);
  if (secret?.items !== undefined) return filesOf(secret.items, `Secret ${quote(secret.name ?? '')}`);
  if (downwardAPI?.items !== undefined) return filesOf(downwardAPI.items, 'DownwardAPI');
  if (serviceAccountToken !== undefined) return filesOf([serviceAccountToken], 'ServiceAccountToken');
  if (clusterTrustBundle !== undefined) {
    const { name, signerName = '' } = clusterTrustBundle;
    return filesOf([clusterTrustBundle], `ClusterTrustBundle ${quote(name ?? signerName)}`);
  }
  const { certificateChainPath, keyPath, credentialBundlePath } = podCertificate ?? {};
  return [
    { path: certificateChainPath ?? '', source: 'PodCertificate chain' },
    { path: keyPath ?? '', source: 'PodCertificate key' },
    { path: credentialBundlePath ?? '', source: 'PodCertificate credential bundle' },
  ].filter(({ path }) => path !== '');
}

function warnOfOverlaps(at: WarningCursor, { name }: Volume, what: string, files: readonly PlacedFile[]): void {
  const before: PlacedFile[] = [];
  for (const file of files) {
    const path = file.path.endsWith('/') ? file.path.replace(/\/+$/, '') : file.path;
    const placed = { path, source: file.source };
    for (const other of path === '' ? [] : before) {
      if (!at.mayCompare()) return;
      if (other.path === '' || !overlap(path, other.path)) continue;
      at.say(`volume ${quote(name)} (${what}): overlapping paths: ${shown(placed)} with ${shown(other)}`);
    }
    before.push(placed);
  }
}

function overlap(a: string, b: string): boolean {
  if (a.length === b.length) return a === b;
  return a.length > b.length ? a.startsWith(b) && a[b.length] === '/' : b.startsWith(a) && b[a.length] === '/';
}

function shown({ path, source }: PlacedFile): string {
  return source === '' ? quote(path) : `${quote(path)} (${source})`;
}
