import { field, isDNS1123Label, isDNS1123Subdomain, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type {
  FlowcontrolSubject,
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  ServiceAccountSubject,
} from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkFlowConditions } from '../flow-conditions.validation.js';
import { mandatoryFlowSchemas, shownFlowSchemaSpec } from './mandatory-flow-schemas.js';

const MAX_PRECEDENCE = 10_000;
const distinguishers = ['ByNamespace', 'ByUser'];
const subjectKinds = ['Group', 'ServiceAccount', 'User'];
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
/** The field of a subject of each kind. */
const subjectFields = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;

export const flowSchemaValidator: KindValidator = {
  rules: [
    'matchingPrecedence is 1 to 10000, and 1 only for exempt',
    'distinguisherMethod.type is one of ByNamespace, ByUser',
    'priorityLevelConfiguration has a name',
    'rules have subjects, and resourceRules or nonResourceRules',
    'subjects.kind is one of Group, ServiceAccount, User; its block has a name, and there is no other block',
    'resourceRules: known verbs, groups, resources, and namespaces unless clusterScope; * excludes the others',
    'nonResourceRules: known verbs, paths with * at the end only; * excludes the others',
    'exempt and catch-all have a fixed spec',
    'status: types of conditions are set and unique',
  ],
  validateCreate: check,
  validateUpdate(schema: FlowSchema, _old: FlowSchema, { subresource }) {
    if (subresource !== 'status') return check(schema);
    const at = new FieldCursor('status');
    checkFlowConditions(at, schema.status?.conditions);
    return at.all();
  },
};

function check({ metadata, spec, status }: FlowSchema) {
  const at = new FieldCursor('spec');
  checkSpec(at, metadata.name ?? '', spec);
  const fixed = mandatoryFlowSchemas.get(metadata.name ?? '');
  if (fixed !== undefined && !semanticEqual(spec, fixed)) {
    at.invalid('', shownFlowSchemaSpec(spec), `spec of '${metadata.name}' must equal the fixed value`);
  }
  at.leave();
  at.within('status', () => checkFlowConditions(at, status?.conditions));
  return at.all();
}

function checkSpec(at: FieldCursor, name: string, spec: FlowSchemaSpec): void {
  const { matchingPrecedence: precedence = 0, distinguisherMethod, priorityLevelConfiguration: level, rules } = spec;
  if (precedence <= 0) at.invalid('matchingPrecedence', precedence, 'must be a positive value');
  if (precedence > MAX_PRECEDENCE) {
    at.invalid('matchingPrecedence', precedence, `must not be greater than ${MAX_PRECEDENCE}`);
  }
  if (precedence === 1 && name !== 'exempt') {
    at.invalid('matchingPrecedence', precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
  }
  if (distinguisherMethod !== undefined && !distinguishers.includes(distinguisherMethod.type)) {
    const shown = new Map([['Type', distinguisherMethod.type ?? '']]);
    at.add([field.notSupported(at.path('distinguisherMethod.type'), shown, distinguishers)]);
  }
  if (level?.name) at.format('priorityLevelConfiguration.name', level.name, isDNS1123Subdomain);
  else at.required('priorityLevelConfiguration.name', 'must reference a priority level');
  at.each('rules', rules, (rule) => checkRule(at, rule));
}

function checkRule(at: FieldCursor, { subjects, resourceRules, nonResourceRules }: PolicyRulesWithSubjects) {
  if ((subjects ?? []).length === 0) at.required('subjects', 'subjects must contain at least one value');
  at.each('subjects', subjects, (subject) => checkSubject(at, subject));
  if ((resourceRules ?? []).length === 0 && (nonResourceRules ?? []).length === 0) {
    at.required('', 'at least one of resourceRules and nonResourceRules has to be non-empty');
  }
  at.each('resourceRules', resourceRules, (rule) => checkResourceRule(at, rule));
  at.each('nonResourceRules', nonResourceRules, (rule) => checkNonResourceRule(at, rule));
}

function checkSubject(at: FieldCursor, subject: FlowcontrolSubject): void {
  const kind = subject.kind ?? '';
  if (kind !== 'ServiceAccount' && kind !== 'User' && kind !== 'Group') {
    at.notSupported('kind', kind, subjectKinds);
    return;
  }
  const own = subjectFields[kind];
  if (subject[own] === undefined) at.required(own, `${own} is required when subject kind is '${kind}'`);
  else if (kind === 'ServiceAccount') at.within(own, () => checkAccount(at, subject.serviceAccount!));
  else if (!subject[own].name) at.required(`${own}.name`);
  for (const other of ['serviceAccount', 'user', 'group'] as const) {
    if (other === own || subject[other] === undefined) continue;
    const otherKind = other[0]!.toUpperCase() + other.slice(1);
    at.forbidden(other, `${other} is forbidden when subject kind is not '${otherKind}'`);
  }
}

function checkAccount(at: FieldCursor, { name, namespace }: ServiceAccountSubject): void {
  if (!name) at.required('name');
  else if (name !== '*') at.format('name', name, isDNS1123Subdomain);
  if (namespace) at.format('namespace', namespace, isDNS1123Label);
  else at.required('namespace', 'must specify namespace for service account');
}

function checkVerbs(at: FieldCursor, given: readonly string[]): void {
  if (given.length === 0) at.required('verbs', 'verbs must contain at least one value');
  else if (given.includes('*')) checkAlone(at, 'verbs', given, 'verbs');
  else if (given.some((verb) => !verbs.includes(verb))) {
    at.add([field.notSupported(at.path('verbs'), given, verbs)]);
  }
}

function checkAlone(at: FieldCursor, name: string, values: readonly string[], others: string): void {
  if (values.length > 1 && values.includes('*')) {
    at.invalid(name, values, `if '*' is present, must not specify other ${others}`);
  }
}

function checkResourceRule(at: FieldCursor, rule: ResourcePolicyRule): void {
  const { apiGroups, resources, clusterScope } = rule;
  const namespaces = rule.namespaces ?? [];
  checkVerbs(at, rule.verbs ?? []);
  if ((apiGroups ?? []).length === 0) at.required('apiGroups', 'resource rules must supply at least one api group');
  checkAlone(at, 'apiGroups', apiGroups ?? [], 'api groups');
  if ((resources ?? []).length === 0) at.required('resources', 'resource rules must supply at least one resource');
  checkAlone(at, 'resources', resources ?? [], 'resources');
  if (namespaces.length === 0 && !clusterScope) {
    at.required('namespaces', 'resource rules that are not cluster scoped must supply at least one namespace');
  } else if (namespaces.includes('*')) checkAlone(at, 'namespaces', namespaces, 'namespaces');
  else {
    at.each('namespaces', namespaces, (namespace) => {
      for (const text of isDNS1123Label(namespace)) {
        at.invalid('', namespace, `each member of this list must be '*' or a DNS-1123 label; ${text}`);
      }
    });
  }
}

function checkNonResourceRule(at: FieldCursor, { verbs: given, nonResourceURLs: urls }: NonResourcePolicyRule): void {
  checkVerbs(at, given ?? []);
  if ((urls ?? []).length === 0) at.required('nonResourceURLs', 'nonResourceURLs must contain at least one value');
  else if (urls.includes('*')) checkAlone(at, 'nonResourceURLs', urls, 'non-resource URLs');
  else {
    at.each('nonResourceURLs', urls, (url) => {
      const problem = pathProblem(url);
      if (problem !== undefined) at.invalid('', url, problem);
    });
  }
}

function pathProblem(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path === '/') return undefined;
  if (!path.startsWith('/')) return 'must start with slash';
  if (path.includes(' ')) return 'must not contain white-space';
  if (path.includes('//')) return 'must not contain double slash';
  return path.includes('*') && !/^[^*]*\/\*$/.test(path) ? 'wildcard can only do suffix matching' : undefined;
}
