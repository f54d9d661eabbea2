import { nameAndCreation } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { clusterRoleValidator } from '../rbac.validation.js';

export const clusterRoleKind: KindModule = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  validator: clusterRoleValidator,
  cells: nameAndCreation,
};
