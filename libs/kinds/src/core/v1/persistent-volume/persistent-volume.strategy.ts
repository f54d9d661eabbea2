import type { KindStrategy } from '../../../contract/kind-module.js';
import type { PersistentVolume } from '../../../generated/types.js';
import { timeText } from '../../../strategy/metadata.js';

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
