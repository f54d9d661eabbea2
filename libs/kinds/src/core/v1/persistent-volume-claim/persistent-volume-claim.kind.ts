import { age, nameOf, unset } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { accessModes, phase, storageClass } from '../volume.columns.js';
import { persistentVolumeClaimStrategy } from './persistent-volume-claim.strategy.js';
import { persistentVolumeClaimValidator } from './persistent-volume-claim.validation.js';
import { persistentVolumeClaimWarnings } from './persistent-volume-claim.warnings.js';

const cells: Cells = (claim, now) => {
  const bound = Boolean(claim.spec.volumeName);
  return [
    nameOf(claim),
    phase(claim),
    claim.spec.volumeName ?? '',
    bound ? (claim.status?.capacity?.storage ?? '0') : '',
    bound ? accessModes(claim.status?.accessModes) : '',
    storageClass(claim),
    claim.spec.volumeAttributesClassName ?? unset,
    age(claim, now),
    claim.spec.volumeMode ?? unset,
  ];
};

export const persistentVolumeClaimKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  strategy: persistentVolumeClaimStrategy,
  validator: persistentVolumeClaimValidator,
  warnings: persistentVolumeClaimWarnings,
  cells,
  deletion: { returnsObject: true },
};
