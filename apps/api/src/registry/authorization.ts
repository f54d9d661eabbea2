import type { UserInfo } from '#apimachinery';
import type { AuthorizationAttributes, Authorizer } from '../authorization/authorizer.js';
import { forbiddenError } from '../authorization/forbidden.js';
import { fieldRequirements, labelRequirements } from '../authorization/selector-requirements.js';
import type { ApiRequest } from './pipeline.js';

/** Asks the authorizers about a request on the object path; throws 403. */
export async function authorizeOrThrow(context: { authorizer: Authorizer }, request: ApiRequest): Promise<void> {
  const narrowing = narrowingOf(request);
  await decide(context.authorizer, {
    user: request.user,
    verb: request.verb,
    resourceRequest: true,
    group: request.group,
    version: request.version,
    resource: request.resource,
    subresource: request.subresource,
    namespace: request.namespace,
    name: request.name || (request.verb === 'deletecollection' ? '' : pinnedName(narrowing)),
    path: request.path,
    ...narrowing,
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

type Narrowing = Pick<AuthorizationAttributes, 'fieldSelector' | 'labelSelector'>;

/** Selectors narrow what is asked for; one that does not parse counts as none. */
function narrowingOf(request: ApiRequest): Narrowing {
  if (request.query.size === 0 || !SELECTABLE.has(request.verb)) return {};
  return {
    fieldSelector: fieldRequirements(request.query.get('fieldSelector')),
    labelSelector: labelRequirements(request.query.get('labelSelector')),
  };
}

/** A list or watch that a selector pins to one name is a request for that name. */
function pinnedName({ fieldSelector }: Narrowing): string {
  const pinned = fieldSelector?.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
  return pinned?.values[0] ?? '';
}
