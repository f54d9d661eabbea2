import { age, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { storageClassValidator } from './storage-class.validation.js';

const isDefaultClass = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

const cells: Cells = (object, now) => {
  const annotations = object.metadata.annotations ?? {};
  const isDefault = isDefaultClass.some((name) => annotations[name] === 'true');
  return [
    isDefault ? `${nameOf(object)} (default)` : nameOf(object),
    object.provisioner,
    object.reclaimPolicy ?? 'Delete',
    object.volumeBindingMode ?? 'Immediate',
    object.allowVolumeExpansion ?? false,
    age(object, now),
  ];
};

export const storageClassKind: KindModule = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  validator: storageClassValidator,
  cells,
  deletion: { returnsObject: true },
};
