import { appendAll } from '#apimachinery';
import { compactRuleText, type PolicyRule, pathMatches } from './policy-rule.js';

/** The part of `wanted` that `owned` does not cover, as rules of one verb and resource each. Empty: all is covered. */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((rule) => !owned.some((owner) => covers(owner, rule)));
}

/** One line a rule, sorted, with the verbs for one resource gathered: what an escalation error lists. */
export function describeRules(rules: readonly PolicyRule[]): string[] {
  const gathered = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const simple =
      rule.resources?.length === 1 && rule.apiGroups?.length === 1 && (rule.resourceNames?.length ?? 0) <= 1;
    const key = simple
      ? JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? []])
      : JSON.stringify([gathered.size, rule]);
    const known = gathered.get(key);
    gathered.set(key, known ? { ...known, verbs: [...known.verbs, ...rule.verbs] } : rule);
  }
  return [...new Set([...gathered.values()].map(compactRuleText))].sort();
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (rule.resourceNames?.length)
          appendAll(
            parts,
            rule.resourceNames.map((name) => ({ ...part, resourceNames: [name] })),
          );
        else parts.push(part);
      }
    }
  }
  for (const path of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) parts.push({ nonResourceURLs: [path], verbs: [verb] });
  }
  return parts;
}

/** `part` has one value of each kind at most, so one owner's rule covers it or none does. */
function covers(owner: PolicyRule, part: PolicyRule): boolean {
  const has = (set: readonly string[] | undefined, wanted: readonly string[] | undefined) =>
    (set ?? []).includes('*') || (wanted ?? []).every((item) => (set ?? []).includes(item));
  if (!has(owner.verbs, part.verbs) || !has(owner.apiGroups, part.apiGroups)) return false;
  for (const resource of part.resources ?? []) {
    const slash = resource.indexOf('/');
    const asSubresource = slash < 0 ? [] : [`*${resource.slice(slash)}`];
    if (!['*', resource, ...asSubresource].some((item) => owner.resources?.includes(item))) return false;
  }
  for (const path of part.nonResourceURLs ?? []) if (!pathMatches(owner.nonResourceURLs ?? [], path)) return false;
  if (!owner.resourceNames?.length) return true;
  return (
    Boolean(part.resourceNames?.length) && part.resourceNames!.every((name) => owner.resourceNames!.includes(name))
  );
}
