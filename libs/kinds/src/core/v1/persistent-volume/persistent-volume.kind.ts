import { age, nameOf, unset } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { accessModes, phase, storageClass } from '../volume.columns.js';
import { persistentVolumeStrategy } from './persistent-volume.strategy.js';
import { persistentVolumeValidator } from './persistent-volume.validation.js';
import { persistentVolumeWarnings } from './persistent-volume.warnings.js';

const cells: Cells = (volume, now) => [
  nameOf(volume),
  volume.spec.capacity?.storage ?? '0',
  accessModes(volume.spec.accessModes),
  volume.spec.persistentVolumeReclaimPolicy ?? '',
  phase(volume),
  volume.spec.claimRef === undefined ? '' : `${volume.spec.claimRef.namespace}/${volume.spec.claimRef.name}`,
  storageClass(volume),
  volume.spec.volumeAttributesClassName ?? unset,
  volume.status?.reason ?? '',
  age(volume, now),
  volume.spec.volumeMode ?? unset,
];

export const persistentVolumeKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  strategy: persistentVolumeStrategy,
  validator: persistentVolumeValidator,
  warnings: persistentVolumeWarnings,
  cells,
  deletion: { returnsObject: true },
};
