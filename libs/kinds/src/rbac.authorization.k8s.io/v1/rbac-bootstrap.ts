import { type RbacFacts, rbacFacts } from '../../facts/facts.js';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../generated/types.js';

/** The roles and bindings that every cluster starts with, as objects without uid and times. */
export interface BootstrapRbac {
  clusterRoles: ClusterRole[];
  clusterRoleBindings: ClusterRoleBinding[];
  roles: Role[];
  roleBindings: RoleBinding[];
}

const rbacGroup = 'rbac.authorization.k8s.io';

export function bootstrapRbac(): BootstrapRbac {
  const facts = rbacFacts();
  return {
    clusterRoles: [...facts.clusterRoles, ...facts.controllerClusterRoles].map((role) => ({
      ...header(facts, 'ClusterRole', role),
      ...(role.aggregate === undefined
        ? undefined
        : { aggregationRule: { clusterRoleSelectors: role.aggregate.map((matchLabels) => ({ matchLabels })) } }),
      // An aggregating role's rules are the aggregation controller's to write.
      rules: (role.rules ?? []) as ClusterRole['rules'],
    })) as ClusterRole[],
    clusterRoleBindings: [...facts.clusterRoleBindings, ...facts.controllerClusterRoleBindings].map((binding) => ({
      ...header(facts, 'ClusterRoleBinding', binding),
      ...bound(binding),
    })),
    roles: facts.roles.map((role) => ({ ...header(facts, 'Role', role), rules: role.rules ?? [] })) as Role[],
    roleBindings: facts.roleBindings.map((binding) => ({
      ...header(facts, 'RoleBinding', binding),
      ...bound(binding),
    })),
  };
}

function header(
  facts: RbacFacts,
  kind: string,
  item: { name: string; namespace?: string; labels?: Record<string, string> },
) {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind,
    metadata: {
      name: item.name,
      ...(item.namespace === undefined ? undefined : { namespace: item.namespace }),
      labels: { ...facts.labels, ...item.labels },
      annotations: { ...facts.annotations },
    },
  };
}

/** `ClusterRole/name`; `user:N`, `group:N`, `sa:namespace/name`. */
function bound(binding: { roleRef: string; subjects: string[] }) {
  const slash = binding.roleRef.indexOf('/');
  return {
    roleRef: { apiGroup: rbacGroup, kind: binding.roleRef.slice(0, slash), name: binding.roleRef.slice(slash + 1) },
    ...(binding.subjects.length > 0 ? { subjects: binding.subjects.map(subject) } : undefined),
  };
}

function subject(text: string) {
  const colon = text.indexOf(':');
  const name = text.slice(colon + 1);
  switch (text.slice(0, colon)) {
    case 'user':
      return { apiGroup: rbacGroup, kind: 'User', name };
    case 'group':
      return { apiGroup: rbacGroup, kind: 'Group', name };
    default: {
      const [namespace, account] = name.split('/');
      return { kind: 'ServiceAccount', name: account!, namespace: namespace! };
    }
  }
}
