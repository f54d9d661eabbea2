/** Cells that volumes and claims share. */

const modeNames: readonly [mode: string, short: string][] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

export function accessModes(modes: string[] | undefined): string {
  const given = new Set(modes);
  return modeNames
    .filter(([mode]) => given.has(mode))
    .map(([, short]) => short)
    .join(',');
}

export function storageClass(object: any): string {
  return object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec.storageClassName ?? '';
}

export function phase(object: any): string {
  return object.metadata.deletionTimestamp === undefined ? (object.status?.phase ?? '') : 'Terminating';
}
