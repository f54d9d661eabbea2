import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { volumeAttributesClassValidator } from './volume-attributes-class.validation.js';

export const volumeAttributesClassKind: KindModule = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  validator: volumeAttributesClassValidator,
  cells: (object, now) => [nameOf(object), object.driverName, age(object, now)],
  deletion: { returnsObject: true },
};
