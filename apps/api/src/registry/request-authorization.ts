import { StatusError, type UserInfo } from '#apimachinery';
import type { AuthorizationAttributes, Authorizer, RequestAttributes } from '../authorization/authorizer.js';
import { allowedOrThrow, type DecisionRecord } from '../authorization/forbidden.js';
import { fieldRequirements, labelRequirements } from '../authorization/selector-requirements.js';
import type { Store } from '../storage/store.js';
import type { ApiRequest, AuthorizedRequest } from './api-request.js';

type RequestParts = Pick<
  ApiRequest,
  'verb' | 'group' | 'version' | 'resource' | 'subresource' | 'namespace' | 'name' | 'path' | 'query'
>;

/** What changes objects, or makes some. */
export const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete']);

interface AuthorizationContext {
  readonly authorizer: Authorizer;
  readonly store: Pick<Store, 'currentRevision' | 'readBarrier'>;
}

/**
 * Asks the authorizers about all that a request for a resource needs; throws 403. A refused write is asked about once more when this
 * replica's caches were behind: whoever grants a right through one replica and uses it through another has to have it.
 */
export async function authorizeOrThrow(context: AuthorizationContext, request: ApiRequest): Promise<AuthorizedRequest> {
  await askForVerb(context, request);
  if (request.alsoVerb !== undefined) await askForVerb(context, { ...request, verb: request.alsoVerb });
  return request as AuthorizedRequest;
}

async function askForVerb({ authorizer, store }: AuthorizationContext, request: ApiRequest): Promise<void> {
  const attributes = { user: request.user, ...resourceAttributes(request) };
  const began = store.currentRevision();
  try {
    await allowedOrThrow(authorizer, attributes, request.record);
  } catch (error) {
    if (!WRITES.has(request.verb) || !(error instanceof StatusError)) throw error;
    if ((await store.readBarrier()) <= began) throw error;
    await allowedOrThrow(authorizer, attributes, request.record);
  }
}

/** The same for a path that names no resource. */
export async function authorizePathOrThrow(
  context: { authorizer: Authorizer },
  user: UserInfo,
  method: string,
  path: string,
  record?: DecisionRecord,
): Promise<void> {
  await allowedOrThrow(context.authorizer, { user, ...pathAttributes(method, path) }, record);
}

export function resourceAttributes(request: RequestParts): RequestAttributes {
  const narrowing = narrowingOf(request);
  return {
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
  };
}

export function pathAttributes(method: string, path: string): RequestAttributes {
  return {
    verb: method.toLowerCase(),
    resourceRequest: false,
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    path,
  };
}

const SELECTABLE = new Set(['list', 'watch', 'deletecollection']);

type Narrowing = Pick<AuthorizationAttributes, 'fieldSelector' | 'labelSelector'>;

/** Selectors narrow what is asked for; one that does not parse counts as none. */
function narrowingOf(request: RequestParts): Narrowing {
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
