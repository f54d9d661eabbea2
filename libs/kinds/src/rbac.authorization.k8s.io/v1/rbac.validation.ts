import {
  type FieldError,
  FieldPath,
  field,
  isDNS1123Subdomain,
  isPathSegmentName,
  validateLabelSelector,
} from '#apimachinery';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '../../generated/types.js';
import type { KindValidator } from '../../registry/kind-strategy.js';
import { formatErrors, immutableErrors } from '../../validation/fields.js';

const group = 'rbac.authorization.k8s.io';

const validateRole = ({ rules }: Role): FieldError[] => ruleErrors(rules ?? [], true);
export const roleValidator: KindValidator = { validateCreate: validateRole, validateUpdate: validateRole };

function validateClusterRole({ rules, aggregationRule }: ClusterRole): FieldError[] {
  const errors = ruleErrors(rules ?? [], false);
  if (aggregationRule === undefined) return errors;
  const path = FieldPath.of('aggregationRule', 'clusterRoleSelectors');
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    errors.push(field.required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  }
  selectors.forEach((selector, i) => {
    errors.push(...validateLabelSelector(selector as Parameters<typeof validateLabelSelector>[0], path.index(i)));
  });
  return errors;
}
export const clusterRoleValidator: KindValidator = {
  validateCreate: validateClusterRole,
  validateUpdate: validateClusterRole,
};

export const roleBindingValidator = bindingValidator(['Role', 'ClusterRole'], true);
export const clusterRoleBindingValidator = bindingValidator(['ClusterRole'], false);

function ruleErrors(rules: PolicyRule[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, i) => {
    const path = FieldPath.of('rules').index(i);
    const errors: FieldError[] = [];
    const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
    if ((verbs ?? []).length === 0)
      errors.push(field.required(path.child('verbs'), 'verbs must contain at least one value'));
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

type Binding = RoleBinding | ClusterRoleBinding;

function bindingValidator(kinds: readonly string[], namespaced: boolean): KindValidator {
  const validate = (binding: Binding): FieldError[] => [
    ...roleRefErrors(binding, kinds),
    ...(binding.subjects ?? []).flatMap((subject, i) =>
      subjectErrors(subject, namespaced, FieldPath.of('subjects').index(i)),
    ),
  ];
  return {
    validateCreate: validate,
    validateUpdate: (binding: Binding, old: Binding) => [
      ...validate(binding),
      ...immutableErrors(binding.roleRef, old.roleRef, 'roleRef'),
    ],
  };
}

function roleRefErrors({ roleRef }: Binding, kinds: readonly string[]): FieldError[] {
  const path = FieldPath.of('roleRef');
  const errors: FieldError[] = [];
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  if (apiGroup !== group) errors.push(field.notSupported(path.child('apiGroup'), apiGroup, [group]));
  if (!kinds.includes(kind)) errors.push(field.notSupported(path.child('kind'), kind, kinds));
  if (name === '') errors.push(field.required(path.child('name')));
  else errors.push(...formatErrors(isPathSegmentName, name, path.child('name')));
  return errors;
}

const subjectKinds = ['ServiceAccount', 'User', 'Group'];

function subjectErrors(
  { kind, name, namespace, apiGroup = '' }: Subject,
  namespaced: boolean,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(field.required(path.child('name')));
  if (kind === 'ServiceAccount') {
    if (name) errors.push(...formatErrors(isDNS1123Subdomain, name, path.child('name')));
    if (apiGroup !== '') errors.push(field.notSupported(path.child('apiGroup'), apiGroup, ['']));
    if (!namespaced && !namespace) errors.push(field.required(path.child('namespace')));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== group) errors.push(field.notSupported(path.child('apiGroup'), apiGroup, [group]));
  } else {
    errors.push(field.notSupported(path.child('kind'), kind ?? '', subjectKinds));
  }
  return errors;
}
