import { deepEqual, type KubeObject } from '#apimachinery';
import { aggregatedRules } from '#controllers';
import type { ClusterRole } from '#kinds';

/**
 * Fills in the rules of ClusterRoles that aggregate others, before anything is stored: so `admin`, `edit` and `view` are
 * never seen empty. Repeated until nothing changes, as aggregating roles collect each other. The controller keeps them later.
 */
export function settleAggregation(roles: readonly KubeObject[]): KubeObject[] {
  let settled = [...roles];
  for (let round = 0; round < roles.length; round++) {
    let changed = false;
    settled = settled.map((role) => {
      if (!role['aggregationRule']?.clusterRoleSelectors?.length) return role;
      const rules = aggregatedRules(role as ClusterRole, settled as ClusterRole[]);
      if (deepEqual(rules, role['rules'] ?? [])) return role;
      changed = true;
      return { ...role, rules };
    });
    if (!changed) break;
  }
  return settled;
}
