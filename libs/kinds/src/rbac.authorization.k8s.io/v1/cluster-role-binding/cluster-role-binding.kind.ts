import type { KindModule } from '../../../contract/kind-module.js';
import { bindingCells } from '../rbac.columns.js';
import { clusterRoleBindingValidator } from '../rbac.validation.js';

export const clusterRoleBindingKind: KindModule = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  validator: clusterRoleBindingValidator,
  cells: bindingCells,
};
