import { nameAndCreation } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { roleValidator } from '../rbac.validation.js';

export const roleKind: KindModule = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  validator: roleValidator,
  cells: nameAndCreation,
};
