import type { KindStrategy } from '../../../contract/kind-module.js';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../generated/types.js';

export const persistentVolumeClaimStrategy: KindStrategy = {
  prepareForCreate(claim: PersistentVolumeClaim) {
    claim.status = { phase: 'Pending' };
    dropDataSources(claim.spec);
    pairDataSources(claim);
  },
  prepareForUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim) {
    dropDataSources(claim.spec, old.spec);
    pairDataSources(claim);
  },
};

/**
 * Sources of another namespace are behind a gate that is off. The older field takes only claims and snapshots, and drops
 * what else it is given; what a stored claim has stays.
 */
function dropDataSources(spec: PersistentVolumeClaimSpec, old?: PersistentVolumeClaimSpec): void {
  if (spec.dataSourceRef?.namespace && old?.dataSourceRef === undefined) delete spec.dataSourceRef;
  if (old?.dataSource !== undefined || old?.dataSourceRef !== undefined || spec.dataSourceRef !== undefined) return;
  const { apiGroup, kind } = spec.dataSource ?? {};
  const isClaim = kind === 'PersistentVolumeClaim' && !apiGroup;
  const isSnapshot = kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io';
  if (!isClaim && !isSnapshot) delete spec.dataSource;
}

/** Each of dataSource and dataSourceRef is copied to the other when it is the only one and names no namespace. */
function pairDataSources({ spec }: PersistentVolumeClaim): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined) {
    spec.dataSourceRef = { ...dataSource };
  } else if (dataSource === undefined && dataSourceRef !== undefined && !dataSourceRef.namespace) {
    const { kind, name, apiGroup } = dataSourceRef;
    spec.dataSource = apiGroup === undefined ? { kind, name } : { apiGroup, kind, name };
  }
}
