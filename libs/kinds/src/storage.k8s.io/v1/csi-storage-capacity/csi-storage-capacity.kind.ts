import type { KindModule } from '../../../contract/kind-module.js';
import { csiStorageCapacityValidator } from './csi-storage-capacity.validation.js';

export const csiStorageCapacityKind: KindModule = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  validator: csiStorageCapacityValidator,
};
