import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { csiNodeValidator } from './csi-node.validation.js';

export const csiNodeKind: KindModule = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  validator: csiNodeValidator,
  cells: (object, now) => [nameOf(object), (object.spec?.drivers ?? []).length, age(object, now)],
  deletion: { returnsObject: true },
  statusEndpointWrites: 'status',
};
