import {
  appendAll,
  deepEqual,
  type FieldError,
  FieldPath,
  field,
  isDNS1123Subdomain,
  isPathSegmentName,
  validateLabelSelector,
} from '#apimachinery';
import type { KindValidator } from '../../contract/kind-module.js';
import type {
  AggregationRule,
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '../../generated/types.js';
import { formatErrors } from '../../validation/fields.js';

const group = 'rbac.authorization.k8s.io';
const subjectKinds = ['ServiceAccount', 'User', 'Group'];

const validateRole = ({ rules }: Role): FieldError[] => [...ruleErrors(rules ?? [], true), ...verbErrors(rules ?? [])];
export const roleValidator: KindValidator = {
  rules: [
    'verbs required; apiGroups and resources required; nonResourceURLs not allowed',
    { rule: "writing rules beyond the user's own needs escalate: 403", enforcedBy: 'admission escalation check' },
  ],
  validateCreate: validateRole,
  validateUpdate: validateRole,
};

function validateClusterRole({ rules, aggregationRule }: ClusterRole): FieldError[] {
  return [
    ...ruleErrors(rules ?? [], false),
    ...(aggregationRule ? aggregationErrors(aggregationRule) : []),
    ...verbErrors(rules ?? []),
  ];
}

function aggregationErrors({ clusterRoleSelectors: selectors = [] }: AggregationRule): FieldError[] {
  const path = FieldPath.of('aggregationRule', 'clusterRoleSelectors');
  if (selectors.length === 0) {
    return [field.required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  }
  return selectors.flatMap((selector, i) => {
    const at = path.index(i);
    const errors = validateLabelSelector(selector as Parameters<typeof validateLabelSelector>[0], at);
    // Once more, by whoever would make a selector of it.
    return errors.length > 0 ? [...errors, field.invalid(at, null, 'invalid label selector.')] : [];
  });
}
export const clusterRoleValidator: KindValidator = {
  rules: [
    'verbs required; resources and nonResourceURLs not in one rule',
    'aggregationRule needs at least one selector',
    { rule: "writing rules beyond the user's own needs escalate: 403", enforcedBy: 'admission escalation check' },
  ],
  validateCreate: validateClusterRole,
  validateUpdate: validateClusterRole,
};

export const roleBindingValidator = bindingValidator(['Role', 'ClusterRole'], true);
export const clusterRoleBindingValidator = bindingValidator(['ClusterRole'], false);

function ruleErrors(rules: PolicyRule[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, i) => {
    const path = FieldPath.of('rules').index(i);
    const errors: FieldError[] = [];
    const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
    if (nonResourceURLs.length > 0) {
      const at = path.child('nonResourceURLs');
      if (namespaced) {
        errors.push(field.invalid(at, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
      }
      if (apiGroups.length + resources.length + resourceNames.length > 0) {
        const detail = 'rules cannot apply to both regular resources and non-resource URLs';
        errors.push(field.invalid(at, nonResourceURLs, detail));
      }
      return errors;
    }
    if (apiGroups.length === 0) {
      errors.push(field.required(path.child('apiGroups'), 'resource rules must supply at least one api group'));
    }
    if (resources.length === 0) {
      errors.push(field.required(path.child('resources'), 'resource rules must supply at least one resource'));
    }
    return errors;
  });
}

/** Rules that upstream has in its schema come after those that it has in code; so do the names of bindings below. */
function verbErrors(rules: PolicyRule[]): FieldError[] {
  return rules.flatMap(({ verbs }, i) =>
    (verbs ?? []).length === 0 ? [field.required(FieldPath.of('rules').index(i).child('verbs'))] : [],
  );
}

type Binding = RoleBinding | ClusterRoleBinding;

function bindingValidator(kinds: readonly string[], namespaced: boolean): KindValidator {
  const check = (binding: Binding): FieldError[] => [
    ...roleRefErrors(binding, kinds),
    ...(binding.subjects ?? []).flatMap((subject, i) =>
      subjectErrors(subject, namespaced, FieldPath.of('subjects').index(i)),
    ),
  ];
  return {
    rules: [
      'ServiceAccount subjects need a namespace and an empty apiGroup; User and Group need the rbac group',
      { rule: 'binding more than the user holds needs bind: 403', enforcedBy: 'admission escalation check' },
      `roleRef.kind is one of ${kinds.join(', ')}`,
      `roleRef.apiGroup is ${group}`,
      `subjects.kind is one of ${subjectKinds.join(', ')}`,
      'immutable: roleRef',
    ],
    validateCreate: (binding: Binding) => [...check(binding), ...nameErrors(binding)],
    validateUpdate: (binding: Binding, old: Binding) => [
      ...check(binding),
      ...nameErrors(binding),
      ...changedRoleErrors(binding, old),
    ],
  };
}

function changedRoleErrors({ roleRef }: Binding, { roleRef: old }: Binding): FieldError[] {
  if (deepEqual(roleRef, old)) return [];
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  return [field.immutable('roleRef', new Map(Object.entries({ APIGroup: apiGroup, Kind: kind, Name: name })))];
}

function nameErrors({ roleRef, subjects }: Binding): FieldError[] {
  const errors = (subjects ?? []).flatMap(({ name }, i) =>
    name ? [] : [field.required(FieldPath.of('subjects').index(i).child('name'))],
  );
  if (!roleRef?.name) errors.push(field.required(FieldPath.of('roleRef', 'name')));
  return errors;
}

function roleRefErrors({ roleRef }: Binding, kinds: readonly string[]): FieldError[] {
  const path = FieldPath.of('roleRef');
  const errors: FieldError[] = [];
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  if (apiGroup !== group) errors.push(field.notSupported(path.child('apiGroup'), apiGroup, [group]));
  if (!kinds.includes(kind)) errors.push(field.notSupported(path.child('kind'), kind, kinds));
  if (name !== '') appendAll(errors, formatErrors(isPathSegmentName, name, path.child('name')));
  return errors;
}

function subjectErrors(
  { kind, name, namespace, apiGroup = '' }: Subject,
  namespaced: boolean,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (kind === 'ServiceAccount') {
    if (name) appendAll(errors, formatErrors(isDNS1123Subdomain, name, path.child('name')));
    if (apiGroup !== '') errors.push(field.notSupported(path.child('apiGroup'), apiGroup, ['']));
    if (!namespaced && !namespace) errors.push(field.required(path.child('namespace')));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== group) errors.push(field.notSupported(path.child('apiGroup'), apiGroup, [group]));
  } else {
    errors.push(field.notSupported(path.child('kind'), kind ?? '', subjectKinds));
  }
  return errors;
}
