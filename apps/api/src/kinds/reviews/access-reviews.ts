import { badRequest, type FieldError, field, invalid, type KubeObject, type UserInfo } from '#apimachinery';
import type { AuthorizationAttributes, Authorizer, SelectorRequirement } from '../../authorization/authorizer.js';
import type { Authorization } from '../../authorization/authorizer-chain.js';
import { fieldRequirements, labelRequirements } from '../../authorization/selector-requirements.js';
import type { VirtualResource } from '../../registry/virtual-resource.js';

const GROUP = 'authorization.k8s.io';

type Spec = Record<string, any>;

/** SubjectAccessReview, its Self and Local variants, and SelfSubjectRulesReview: `kubectl auth can-i`. */
export function accessReviewResources(authorization: Authorization): VirtualResource[] {
  const base = { group: GROUP, version: 'v1', subresource: '' };
  return [
    {
      ...base,
      resource: 'subjectaccessreviews',
      kind: 'SubjectAccessReview',
      namespaced: false,
      create: ({ object }) => {
        const errors = [...validateSpec(object['spec'], true), ...validateMetadata(object, false)];
        return review(authorization, object, errors, subjectOf(object['spec']));
      },
    },
    {
      ...base,
      resource: 'selfsubjectaccessreviews',
      kind: 'SelfSubjectAccessReview',
      namespaced: false,
      create: ({ object, user }) => {
        const errors = [...validateSpec(object['spec'], false), ...validateMetadata(object, false)];
        return review(authorization, object, errors, user);
      },
    },
    {
      ...base,
      resource: 'localsubjectaccessreviews',
      kind: 'LocalSubjectAccessReview',
      namespaced: true,
      create: ({ object, namespace }) => {
        const errors = [
          ...validateSpec(object['spec'], true),
          ...validateMetadata(object, true),
          ...validateLocal(object),
        ];
        if (errors.length === 0 && object.metadata.namespace !== namespace) {
          throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
        }
        return review(authorization, object, errors, subjectOf(object['spec']));
      },
    },
    {
      ...base,
      resource: 'selfsubjectrulesreviews',
      kind: 'SelfSubjectRulesReview',
      namespaced: false,
      create: ({ object, user }) => rulesReview(authorization, object, user),
    },
  ];
}

async function review(
  authorizer: Authorizer,
  object: KubeObject,
  errors: FieldError[],
  user: UserInfo,
): Promise<KubeObject> {
  if (errors.length > 0) throw invalid({ group: GROUP, kind: object.kind }, '', errors);
  const spec: Spec = object['spec'];
  const { attributes, problems } = attributesOf(spec, user);
  const { decision, reason, error } = await authorizer.authorize(attributes);
  if (error) problems.push(error);
  return {
    ...object,
    status: {
      allowed: decision === 'Allow',
      ...(decision === 'Deny' ? { denied: true } : undefined),
      ...(reason ? { reason } : undefined),
      ...(problems.length > 0 ? { evaluationError: problems.join('; ') } : undefined),
    },
  };
}

function subjectOf(spec: Spec | undefined): UserInfo {
  return {
    name: spec?.['user'] ?? '',
    groups: spec?.['groups'] ?? [],
    ...(spec?.['uid'] ? { uid: spec['uid'] } : undefined),
    ...(spec?.['extra'] ? { extra: spec['extra'] } : undefined),
  };
}

function attributesOf(spec: Spec, user: UserInfo): { attributes: AuthorizationAttributes; problems: string[] } {
  const problems: string[] = [];
  const path = spec['nonResourceAttributes'];
  const empty = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '', path: '' };
  if (path) {
    const attributes = { ...empty, user, resourceRequest: false, verb: path.verb ?? '', path: path.path ?? '' };
    return { attributes, problems };
  }
  const wanted = spec['resourceAttributes'];
  const attributes: AuthorizationAttributes = {
    ...empty,
    user,
    resourceRequest: true,
    verb: wanted.verb ?? '',
    group: wanted.group ?? '',
    version: wanted.version || '*',
    resource: wanted.resource ?? '',
    subresource: wanted.subresource ?? '',
    namespace: wanted.namespace ?? '',
    name: wanted.name ?? '',
    fieldSelector: selectorOf('fieldSelector', wanted.fieldSelector, problems),
    labelSelector: selectorOf('labelSelector', wanted.labelSelector, problems),
  };
  return { attributes, problems };
}

/** What cannot be understood is left out and reported: requirements are ANDed, so less of them asks for more. */
function selectorOf(
  name: 'fieldSelector' | 'labelSelector',
  selector: { rawSelector?: string; requirements?: SelectorRequirement[] } | undefined,
  problems: string[],
): SelectorRequirement[] | undefined {
  if (!selector) return undefined;
  let known: SelectorRequirement[] | undefined;
  let bad: boolean;
  if (selector.requirements?.length) {
    known = selector.requirements.filter((requirement) => understood(name, requirement));
    bad = known.length < selector.requirements.length;
  } else {
    const parse = name === 'fieldSelector' ? fieldRequirements : labelRequirements;
    known = parse(selector.rawSelector);
    bad = Boolean(selector.rawSelector) && known === undefined;
  }
  if (bad)
    problems.push(`spec.resourceAttributes.${name} ${known?.length ? 'partially ' : ''}ignored due to parse error`);
  return known?.length ? known : undefined;
}

function understood(name: string, { operator, values }: SelectorRequirement): boolean {
  const count = values?.length ?? 0;
  if (name === 'fieldSelector') return (operator === 'In' || operator === 'NotIn') && count === 1;
  return operator === 'In' || operator === 'NotIn'
    ? count > 0
    : ['Exists', 'DoesNotExist'].includes(operator) && count === 0;
}

function validateSpec(spec: Spec = {}, withSubject: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const both = spec['resourceAttributes'] && spec['nonResourceAttributes'];
  if (both || (!spec['resourceAttributes'] && !spec['nonResourceAttributes'])) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    errors.push(field.invalid('spec', spec['nonResourceAttributes'] ?? null, detail));
  }
  if (withSubject && !spec['user'] && !spec['groups']?.length) {
    errors.push(field.invalid('spec.user', spec['user'] ?? '', 'at least one of user or group must be specified'));
  }
  for (const name of ['fieldSelector', 'labelSelector']) {
    const selector = spec['resourceAttributes']?.[name];
    if (!selector) continue;
    const path = `spec.resourceAttributes.${name}`;
    const raw = Boolean(selector.rawSelector);
    const listed = selector.requirements?.length > 0;
    if (raw && listed) {
      const detail = 'may not specified at the same time as requirements';
      errors.push(field.invalid(`${path}.rawSelector`, selector.rawSelector, detail));
    }
    if (!raw && !listed) {
      const detail = `when ${path} is specified, requirements or rawSelector is required`;
      errors.push(field.required(`${path}.requirements`, detail));
    }
  }
  return errors;
}

function validateMetadata(object: KubeObject, namespaced: boolean): FieldError[] {
  const { managedFields: _, namespace, ...rest } = object.metadata ?? {};
  const filled = Object.values(rest).some((value) => value !== undefined && value !== null && value !== '');
  if (!filled && (namespaced || !namespace)) return [];
  return [
    field.invalid('metadata', object.metadata, namespaced ? 'must be empty except for namespace' : 'must be empty'),
  ];
}

function validateLocal(object: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  const spec: Spec = object['spec'] ?? {};
  const namespace = spec['resourceAttributes']?.namespace ?? '';
  if (spec['resourceAttributes'] && namespace !== (object.metadata.namespace ?? '')) {
    const path = 'spec.resourceAttributes.namespace';
    errors.push(field.invalid(path, namespace, 'must match metadata.namespace'));
  }
  if (spec['nonResourceAttributes']) {
    const path = 'spec.nonResourceAttributes';
    errors.push(field.invalid(path, spec['nonResourceAttributes'], 'disallowed on this kind of request'));
  }
  return errors;
}

function rulesReview(authorization: Authorization, object: KubeObject, user: UserInfo): KubeObject {
  const namespace: string = object['spec']?.namespace ?? '';
  if (namespace === '') throw badRequest('no namespace on request');
  const { rules, incomplete, errors } = authorization.rulesFor(user, namespace);
  const listed = (name: string, values: readonly string[] | undefined) =>
    values?.length ? { [name]: [...values] } : {};
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'SelfSubjectRulesReview',
    metadata: {},
    spec: {},
    status: {
      resourceRules: rules
        .filter((rule) => rule.resources?.length)
        .map((rule) => ({
          verbs: [...rule.verbs],
          ...listed('apiGroups', rule.apiGroups),
          ...listed('resources', rule.resources),
          ...listed('resourceNames', rule.resourceNames),
        })),
      nonResourceRules: rules
        .filter((rule) => rule.nonResourceURLs?.length)
        .map((rule) => ({ verbs: [...rule.verbs], ...listed('nonResourceURLs', rule.nonResourceURLs) })),
      incomplete,
      ...(errors.length > 0
        ? { evaluationError: errors.length === 1 ? errors[0] : `[${errors.join(', ')}]` }
        : undefined),
    },
  };
}
