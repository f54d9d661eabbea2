import type { GroupVersionResource } from '#apimachinery';
import type { RuleWithOperations } from '#kinds';
import type { AdmissionOperation } from '../admission-request.js';

/** The part of a request that rules speak of. */
export interface RuleTarget {
  operation: AdmissionOperation;
  resource: GroupVersionResource;
  subresource: string;
  /** Of an object in a namespace; false for namespaces themselves. */
  isNamespaced: boolean;
}

export function ruleMatches(rule: RuleWithOperations, target: RuleTarget): boolean {
  const { group, version } = target.resource;
  return (
    matchesScope(rule.scope ?? '*', target.isNamespaced) &&
    includes(rule.operations, target.operation) &&
    includes(rule.apiGroups, group) &&
    includes(rule.apiVersions, version) &&
    (rule.resources ?? []).some((pattern) => matchesResource(pattern, target))
  );
}

function matchesScope(scope: string, isNamespaced: boolean): boolean {
  return scope === '*' || scope === (isNamespaced ? 'Namespaced' : 'Cluster');
}

function includes(items: readonly string[] | undefined, wanted: string): boolean {
  return items?.some((item) => item === '*' || item === wanted) ?? false;
}

/** `pods`, `pods/log`, `pods/*`, `*`, `*\/scale`, `*\/*`. Without a slash, no subresource is meant. */
function matchesResource(pattern: string, { resource, subresource }: RuleTarget): boolean {
  const slash = pattern.indexOf('/');
  const [name, sub] = slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (name === '*' || name === resource.resource) && (sub === '*' || sub === subresource);
}
