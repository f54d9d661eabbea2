import { deepEqual } from '#apimachinery';
import { objectKey } from '#client';
import { type ClusterRole, gvr, type PolicyRule } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { labelMatcher } from '../indexes.js';

/** Fills ClusterRoles that have an aggregation rule with the rules of those it selects. */
export function clusterRoleAggregation(context: ControllerContext): Controller {
  const name = 'clusterrole-aggregation-controller';
  const runtime = runtimeFor(context, name);
  const { client, informers } = runtime;
  const roles = informers.for<ClusterRole>(gvr.clusterroles);
  return controller(name, runtime)
    .watches<ClusterRole>(roles, () =>
      roles
        .list()
        .filter((role) => role.aggregationRule)
        .map(objectKey),
    )
    .reconcile(async (key) => {
      const role = roles.getByKey(key);
      if (!role?.aggregationRule) return undefined;
      const rules = aggregatedRules(role, roles.list());
      if (deepEqual(rules, role.rules ?? [])) return undefined;
      const patch = { metadata: { uid: role.metadata.uid, resourceVersion: role.metadata.resourceVersion }, rules };
      await client.patch(gvr.clusterroles, '', key, 'application/merge-patch+json', patch);
      return undefined;
    });
}

/** The rules of all selected roles in the order of their names, each once. */
export function aggregatedRules(role: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] {
  const rules = new Map<string, PolicyRule>();
  const sorted = [...roles].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const matches = labelMatcher(selector);
    for (const candidate of sorted) {
      if (candidate.metadata.name === role.metadata.name || !matches?.(candidate.metadata.labels)) continue;
      for (const rule of candidate.rules ?? []) {
        const text = ruleText(rule);
        if (!rules.has(text)) rules.set(text, rule);
      }
    }
  }
  return [...rules.values()];
}

/** The same for rules that say the same: a role may have 50,000, so they are not compared with each other. */
function ruleText({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string {
  return JSON.stringify([verbs, apiGroups, resources, resourceNames, nonResourceURLs]);
}
