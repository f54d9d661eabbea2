import type { PersistentVolume, PersistentVolumeClaim } from '../../generated/types.js';
import type { KindStrategy } from '../../registry/kind-strategy.js';
import { timeText } from '../../registry/metadata.js';

export const persistentVolumeStrategy: KindStrategy = {
  prepareForCreate(volume: PersistentVolume, { now }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: timeText(now) };
  },
  prepareForUpdate(volume: PersistentVolume, old: PersistentVolume, { subresource, now }) {
    if (subresource !== 'status' || volume.status === undefined) return;
    const { status } = volume;
    const before = old.status?.lastPhaseTransitionTime;
    if (status.phase === old.status?.phase) {
      if (before !== undefined) status.lastPhaseTransitionTime ??= before;
    } else if (status.lastPhaseTransitionTime === undefined || status.lastPhaseTransitionTime === before) {
      status.lastPhaseTransitionTime = timeText(now);
    }
  },
};

export const persistentVolumeClaimStrategy: KindStrategy = {
  prepareForCreate(claim: PersistentVolumeClaim) {
    claim.status = { phase: 'Pending' };
    pairDataSources(claim);
  },
  prepareForUpdate: pairDataSources,
};

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
