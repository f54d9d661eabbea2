import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';

export const volumeAttributesClassKind: KindModule = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  cells: (object, now) => [nameOf(object), object.driverName, age(object, now)],
  deletion: { returnsObject: true },
};
