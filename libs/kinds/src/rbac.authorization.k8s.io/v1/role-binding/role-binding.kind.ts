import type { KindModule } from '../../../contract/kind-module.js';
import { bindingCells } from '../rbac.columns.js';
import { roleBindingValidator } from '../rbac.validation.js';

export const roleBindingKind: KindModule = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  validator: roleBindingValidator,
  typeDefaults: {
    'io.k8s.api.rbac.v1.Subject': {
      apiGroup: (subject) => {
        if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) {
          subject.apiGroup = 'rbac.authorization.k8s.io';
        }
      },
    },
  },
  cells: bindingCells,
};
