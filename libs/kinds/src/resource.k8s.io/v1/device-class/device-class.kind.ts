import { nameAndAge } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { deviceClassValidator } from './device-class.validation.js';

export const deviceClassKind: KindModule = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  validator: deviceClassValidator,
  cells: nameAndAge,
  deletion: { returnsObject: true },
};
