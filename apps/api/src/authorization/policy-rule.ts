import { quote } from '#apimachinery';
import type { AuthorizationAttributes } from './authorizer.js';

/** rbac.authorization.k8s.io/v1 PolicyRule. */
export interface PolicyRule {
  verbs: readonly string[];
  apiGroups?: readonly string[];
  resources?: readonly string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
}

/** Everything but the resource names, which callers may want to look at on their own. */
export function ruleAllowsAnyName(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!matches(rule.verbs, attributes.verb)) return false;
  if (!attributes.resourceRequest) return pathMatches(rule.nonResourceURLs ?? [], attributes.path);
  return (
    matches(rule.apiGroups ?? [], attributes.group) &&
    resourceMatches(rule.resources ?? [], attributes.resource, attributes.subresource)
  );
}

export function ruleAllows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!ruleAllowsAnyName(rule, attributes)) return false;
  if (!attributes.resourceRequest || !rule.resourceNames?.length) return true;
  return rule.resourceNames.includes(attributes.name);
}

function matches(allowed: readonly string[], value: string): boolean {
  return allowed.includes(value) || allowed.includes('*');
}

/** A rule may name `deployments/scale`, any resource's subresource as `*`+`/scale`, or everything as `*`. */
function resourceMatches(allowed: readonly string[], resource: string, subresource: string): boolean {
  if (allowed.includes('*')) return true;
  if (subresource === '') return allowed.includes(resource);
  return allowed.includes(`${resource}/${subresource}`) || allowed.includes(`*/${subresource}`);
}

/** `*` at the end of a rule's path stands for any rest. */
export function pathMatches(allowed: readonly string[], path: string): boolean {
  return allowed.some(
    (rule) => rule === '*' || rule === path || (rule.endsWith('*') && path.startsWith(rule.replace(/\*+$/, ''))),
  );
}

/** The rule as escalation errors print it. */
export function compactRuleText(rule: PolicyRule): string {
  const parts: string[] = [];
  const add = (name: string, values: readonly string[] | undefined) => {
    if (values?.length) parts.push(`${name}:[${values.map(quote).join(' ')}]`);
  };
  add('APIGroups', rule.apiGroups);
  add('Resources', rule.resources);
  add('NonResourceURLs', rule.nonResourceURLs);
  add('ResourceNames', rule.resourceNames);
  add('Verbs', rule.verbs);
  return `{${parts.join(', ')}}`;
}
