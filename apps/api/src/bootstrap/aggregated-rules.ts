import { deepEqual, type KubeObject, labelSelectorMatcher } from '#apimachinery';
import type { PolicyRule } from '../authorization/policy-rule.js';

/**
 * The rules of a ClusterRole with an aggregation rule: those of all that its selectors match, by name, each once. At
 * the start they are written at once, so that `admin`, `edit` and `view` are never empty; the controller keeps them later.
 */
export function aggregatedRules(role: KubeObject, all: readonly KubeObject[]): PolicyRule[] {
  const sorted = [...all].sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  const rules: PolicyRule[] = [];
  for (const selector of role['aggregationRule']?.clusterRoleSelectors ?? []) {
    const matcher = labelSelectorMatcher(selector);
    for (const other of sorted) {
      if (other.metadata.name === role.metadata.name || !matcher.matches(other.metadata.labels ?? {})) continue;
      for (const rule of (other['rules'] ?? []) as PolicyRule[]) {
        if (!rules.some((known) => deepEqual(known, rule))) rules.push(rule);
      }
    }
  }
  return rules;
}

/** The same for roles that other aggregating roles collect: repeated until nothing changes. */
export function settleAggregation(roles: readonly KubeObject[]): KubeObject[] {
  let settled = [...roles];
  for (let round = 0; round < roles.length; round++) {
    let changed = false;
    settled = settled.map((role) => {
      if (!role['aggregationRule']?.clusterRoleSelectors?.length) return role;
      const rules = aggregatedRules(role, settled);
      if (deepEqual(rules, role['rules'] ?? [])) return role;
      changed = true;
      return { ...role, rules };
    });
    if (!changed) break;
  }
  return settled;
}
