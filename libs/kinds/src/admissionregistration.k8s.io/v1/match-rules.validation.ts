import { isPathSegmentName } from '#apimachinery';
import { checkSelector } from '../../core/v1/pod/pod-scheduling.validation.js';
import type { MatchResources, NamedRuleWithOperations, RuleWithOperations } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';

/** Which requests a webhook or policy is for. */

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
/** Deletions cannot be mutated. */
const mutatingOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];
export const matchPolicies = ['Equivalent', 'Exact'];

/** With the cursor at the rule. */
export function checkRule(at: FieldCursor, rule: RuleWithOperations): void {
  const { operations: given = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  if (given.length === 0) at.required('operations');
  checkWildcard(at, 'operations', given, 'operations');
  at.each('operations', given, (operation) => at.optionalChoice('', operation, operations));
  if (apiGroups.length === 0) at.required('apiGroups');
  checkWildcard(at, 'apiGroups', apiGroups, 'API groups');
  if (apiVersions.length === 0) at.required('apiVersions');
  checkWildcard(at, 'apiVersions', apiVersions, 'API versions');
  at.each('apiVersions', apiVersions, (version) => {
    if (version === '') at.required('');
  });
  checkResources(at, resources);
  at.optionalChoice('scope', scope, scopes);
}

function checkWildcard(at: FieldCursor, name: string, values: readonly string[], others: string): void {
  if (values.length > 1 && values.includes('*')) {
    at.invalid(name, values, `if '*' is present, must not specify other ${others}`);
  }
}

function checkResources(at: FieldCursor, resources: readonly string[]): void {
  if (resources.length === 0) at.required('resources');
  const wholeResources = new Set<string>();
  const subresourcesOfAll = new Set<string>();
  let lastIsPlain = false;
  at.each('resources', resources, (name) => {
    if (name === '') {
      at.required('');
      return;
    }
    const slash = name.indexOf('/');
    if (slash < 0) {
      // Upstream remembers the last one only.
      lastIsPlain = name !== '*';
      return;
    }
    const [resource, subresource] = [name.slice(0, slash), name.slice(slash + 1)];
    if (wholeResources.has(resource)) {
      at.invalid('', name, `if '${resource}/*' is present, must not specify ${name}`);
    }
    if (subresourcesOfAll.has(subresource)) {
      at.invalid('', name, `if '*/${subresource}' is present, must not specify ${name}`);
    }
    if (subresource === '*') wholeResources.add(resource);
    if (resource === '*') subresourcesOfAll.add(subresource);
  });
  if (resources.length > 1 && resources.includes('*/*')) {
    at.invalid('resources', resources, "if '*/*' is present, must not specify other resources");
  }
  if (resources.includes('*') && lastIsPlain) {
    const text = "if '*' is present, must not specify other resources without subresources";
    at.invalid('resources', resources, text);
  }
}

/** What a policy, or its binding, is for. */
export function checkMatchResources(at: FieldCursor, name: string, match: MatchResources | undefined): void {
  if (match === undefined) return;
  at.within(name, () => {
    at.choice('matchPolicy', match.matchPolicy, matchPolicies);
    for (const selector of ['namespaceSelector', 'objectSelector'] as const) {
      if (match[selector] === undefined) at.required(selector);
      else checkSelector(at, selector, match[selector]);
    }
    at.each('resourceRules', match.resourceRules, (rule) => checkNamedRule(at, rule));
    at.each('excludeResourceRules', match.excludeResourceRules, (rule) => checkNamedRule(at, rule));
  });
}

function checkNamedRule(at: FieldCursor, rule: NamedRuleWithOperations): void {
  const seen = new Set<string>();
  at.each('resourceNames', rule.resourceNames, (name) => {
    at.format('', name, isPathSegmentName);
    if (seen.has(name)) at.duplicate('', name);
    seen.add(name);
  });
  checkRule(at, rule);
}

/** The errors name the list, not its item. */
export function checkMutatingOperations(at: FieldCursor, name: string, match: MatchResources | undefined): void {
  for (const { operations: given } of match?.resourceRules ?? []) {
    for (const operation of given ?? []) {
      at.optionalChoice(`${name}.resourceRules.operations`, operation, mutatingOperations);
    }
  }
}
