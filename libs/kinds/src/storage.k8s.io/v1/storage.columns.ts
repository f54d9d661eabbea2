import { age, type Cells, nameOf, none, unset } from '../../columns/cells.js';

const isDefaultClass = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

const csiDriver: Cells = (driver, now) => [
  nameOf(driver),
  driver.spec.attachRequired ?? true,
  driver.spec.podInfoOnMount ?? false,
  driver.spec.storageCapacity ?? false,
  driver.spec.tokenRequests === undefined
    ? unset
    : driver.spec.tokenRequests.map(({ audience }: { audience: string }) => audience).join(','),
  driver.spec.requiresRepublish ?? false,
  (driver.spec.volumeLifecycleModes ?? []).join(',') || none,
  age(driver, now),
];

const storageClass: Cells = (object, now) => {
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

const volumeAttachment: Cells = (object, now) => [
  nameOf(object),
  object.spec.attacher,
  object.spec.source?.persistentVolumeName ?? '',
  object.spec.nodeName,
  object.status?.attached ?? false,
  age(object, now),
];

export const storageCells: Readonly<Record<string, Cells>> = {
  CSIDriver: csiDriver,
  CSINode: (object, now) => [nameOf(object), (object.spec?.drivers ?? []).length, age(object, now)],
  StorageClass: storageClass,
  VolumeAttachment: volumeAttachment,
  VolumeAttributesClass: (object, now) => [nameOf(object), object.driverName, age(object, now)],
};
