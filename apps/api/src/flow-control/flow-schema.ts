import type { UserInfo } from '#apimachinery';
import type { FlowSchema } from '#kinds';

/** What flow control looks at of a request; the rules of the reference's request info. */
export interface FlowRequest {
  isResourceRequest: boolean;
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  path: string;
}

/** A FlowSchema that was read once. */
export interface CompiledFlowSchema {
  readonly name: string;
  readonly uid: string;
  readonly level: string;
  matches(user: UserInfo, request: FlowRequest): boolean;
  /** What tells the flows of the schema apart: a user, a namespace, or nothing. */
  flowOf(user: UserInfo, request: FlowRequest): string;
}

type Rule = NonNullable<FlowSchema['spec']['rules']>[number];
type Subject = Rule['subjects'][number];
type UserTest = (user: UserInfo) => boolean;
type RequestTest = (request: FlowRequest) => boolean;

const DEFAULT_PRECEDENCE = 1000;

/** In the order in which they are asked: by precedence, then by name. */
export function sortedSchemas(schemas: readonly FlowSchema[]): FlowSchema[] {
  const precedence = ({ spec }: FlowSchema) => spec.matchingPrecedence ?? DEFAULT_PRECEDENCE;
  const byName = (a: FlowSchema, b: FlowSchema) => (a.metadata.name! < b.metadata.name! ? -1 : 1);
  return [...schemas].sort((a, b) => precedence(a) - precedence(b) || byName(a, b));
}

export function compileFlowSchema({ metadata, spec }: FlowSchema): CompiledFlowSchema {
  const rules = (spec.rules ?? []).map(compileRule);
  const distinguisher = spec.distinguisherMethod?.type;
  return {
    name: metadata.name!,
    uid: metadata.uid ?? '',
    level: spec.priorityLevelConfiguration.name,
    matches(user, request) {
      for (const rule of rules) if (rule(user, request)) return true;
      return false;
    },
    flowOf(user, request) {
      if (distinguisher === 'ByUser') return user.name;
      return distinguisher === 'ByNamespace' ? request.namespace : '';
    },
  };
}

function compileRule({ subjects, resourceRules, nonResourceRules }: Rule) {
  const users = subjects.map(compileSubject);
  const resources = (resourceRules ?? []).map(compileResourceRule);
  const paths = (nonResourceRules ?? []).map(compilePathRule);
  return (user: UserInfo, request: FlowRequest): boolean => {
    if (!users.some((test) => test(user))) return false;
    return (request.isResourceRequest ? resources : paths).some((test) => test(request));
  };
}

function compileSubject({ kind, user, group, serviceAccount }: Subject): UserTest {
  if (kind === 'User' && user) return user.name === '*' ? () => true : ({ name }) => name === user.name;
  if (kind === 'Group' && group) return group.name === '*' ? () => true : ({ groups }) => groups.includes(group.name);
  if (kind !== 'ServiceAccount' || !serviceAccount) return () => false;
  const { namespace, name } = serviceAccount;
  const prefix = `system:serviceaccount:${namespace}:`;
  return name === '*' ? (sender) => sender.name.startsWith(prefix) : (sender) => sender.name === prefix + name;
}

/** `*` stands for all where it is alone. */
function among(list: readonly string[] = []): (value: string) => boolean {
  if (list.length === 1 && list[0] === '*') return () => true;
  const known = new Set(list);
  return (value) => known.has(value);
}

function compileResourceRule(rule: NonNullable<Rule['resourceRules']>[number]): RequestTest {
  const [verb, group, resource] = [among(rule.verbs), among(rule.apiGroups), among(rule.resources)];
  const namespace = among(rule.namespaces);
  const clusterScope = rule.clusterScope ?? false;
  return (request) => {
    if (!verb(request.verb)) return false;
    const { subresource } = request;
    if (!resource(subresource === '' ? request.resource : `${request.resource}/${subresource}`)) return false;
    if (!group(request.group)) return false;
    return request.namespace === '' ? clusterScope : namespace(request.namespace);
  };
}

function compilePathRule({ verbs, nonResourceURLs }: NonNullable<Rule['nonResourceRules']>[number]): RequestTest {
  const verb = among(verbs);
  const paths = nonResourceURLs.map(compilePath);
  return (request) => verb(request.verb) && paths.some((test) => test(request.path));
}

/** A path stands for those below it, with and without the `*`. */
function compilePath(rule: string): (path: string) => boolean {
  if (rule === '*') return () => true;
  const start = rule.replace(/\*$/, '');
  const prefix = start.endsWith('/') ? start : `${start}/`;
  return (path) => path === rule || path.startsWith(prefix);
}
