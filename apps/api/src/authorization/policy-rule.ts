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
  return holds(rule.resourceNames, attributes.name);
}

/** Lists longer than this are looked up in a set, which is kept as long as the list. */
const LONG_LIST = 16;
const sets = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Whether a list of a rule has a value. A rule may have 100,000 values, and a user may have many such rules. */
export function holds(list: readonly string[], value: string): boolean {
  if (list.length <= LONG_LIST) return list.includes(value);
  let set = sets.get(list);
  if (!set) sets.set(list, (set = new Set(list)));
  return set.has(value);
}

function matches(allowed: readonly string[], value: string): boolean {
  return holds(allowed, value) || holds(allowed, '*');
}

/** A rule may name `deployments/scale`, any resource's subresource as `*`+`/scale`, or everything as `*`. */
function resourceMatches(allowed: readonly string[], resource: string, subresource: string): boolean {
  if (holds(allowed, '*')) return true;
  if (subresource === '') return holds(allowed, resource);
  return holds(allowed, `${resource}/${subresource}`) || holds(allowed, `*/${subresource}`);
}

/** `*` at the end of a rule's path stands for any rest. */
export function pathMatches(allowed: readonly string[], path: string): boolean {
  if (holds(allowed, '*') || holds(allowed, path)) return true;
  return pathPrefixes(allowed).some((prefix) => path.startsWith(prefix));
}

const NONE: readonly string[] = [];
const prefixes = new WeakMap<readonly string[], readonly string[]>();

/** What the paths that end in `*` match the beginning of. */
export function pathPrefixes(paths: readonly string[]): readonly string[] {
  if (paths.length === 0) return NONE;
  let found = prefixes.get(paths);
  if (!found) {
    found = paths.filter((path) => path.endsWith('*')).map((path) => path.slice(0, lengthWithoutStars(path)));
    prefixes.set(paths, found);
  }
  return found;
}

function lengthWithoutStars(path: string): number {
  let length = path.length;
  while (length > 0 && path[length - 1] === '*') length -= 1;
  return length;
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
