import { nameAndAge } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';

export const serviceAccountKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  // Its metadata is all there is to check.
  validator: { rules: [], validateCreate: () => [], validateUpdate: () => [] },
  cells: nameAndAge,
  deletion: { returnsObject: true },
};
