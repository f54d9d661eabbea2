import { parseFieldSelector, parseLabelSelector, type UserInfo } from '#apimachinery';
import type { AuthorizationAttributes, Authorizer, SelectorRequirement } from '../authorization/authorizer.js';
import { forbiddenError } from '../authorization/forbidden.js';
import type { ApiRequest } from './pipeline.js';

/** Asks the authorizers about a request on the object path; throws 403. */
export async function authorizeOrThrow(context: { authorizer: Authorizer }, request: ApiRequest): Promise<void> {
  await decide(context.authorizer, {
    user: request.user,
    verb: request.verb,
    resourceRequest: true,
    group: request.group,
    version: request.version,
    resource: request.resource,
    subresource: request.subresource,
    namespace: request.namespace,
    name: request.name,
    path: request.path,
    ...selectorsOf(request),
  });
}

/** The same for a path that names no resource. */
export async function authorizePathOrThrow(
  context: { authorizer: Authorizer },
  user: UserInfo,
  method: string,
  path: string,
): Promise<void> {
  await decide(context.authorizer, {
    user,
    verb: method.toLowerCase(),
    resourceRequest: false,
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    path,
  });
}

async function decide(authorizer: Authorizer, attributes: AuthorizationAttributes): Promise<void> {
  const answer = authorizer.authorize(attributes);
  const { decision, reason } = 'then' in answer ? await answer : answer;
  if (decision !== 'Allow') throw forbiddenError(attributes, reason);
}

const SELECTABLE = new Set(['list', 'watch', 'deletecollection']);

/** Selectors narrow what is asked for; one that does not parse counts as none. */
function selectorsOf(
  request: ApiRequest,
): Pick<AuthorizationAttributes, 'fieldSelector' | 'labelSelector'> | undefined {
  if (request.query.size === 0 || !SELECTABLE.has(request.verb)) return undefined;
  const fields = request.query.get('fieldSelector');
  const labels = request.query.get('labelSelector');
  if (!fields && !labels) return undefined;
  const result: { fieldSelector?: SelectorRequirement[]; labelSelector?: SelectorRequirement[] } = {};
  if (fields) result.fieldSelector = attempt(() => fieldRequirements(fields));
  if (labels) result.labelSelector = attempt(() => labelRequirements(labels));
  return result;
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

function fieldRequirements(selector: string): SelectorRequirement[] {
  return parseFieldSelector(selector).requirements.map(({ field, operator, value }) => ({
    key: field,
    operator: operator === '=' ? 'In' : 'NotIn',
    values: [value],
  }));
}

const OPERATORS: Record<string, SelectorRequirement['operator']> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

function labelRequirements(selector: string): SelectorRequirement[] {
  const requirements: SelectorRequirement[] = [];
  for (const { key, operator, values } of parseLabelSelector(selector).requirements) {
    const known = OPERATORS[operator];
    if (known) requirements.push({ key, operator: known, values });
  }
  return requirements;
}
