import type { UserInfo } from '#apimachinery';
import type { CelAuthorizationDecision, CelAuthorizationQuery, CelAuthorizer } from '#cel';
import type { Authorizer } from '../../authorization/authorizer.js';
import { ALL_AUTHENTICATED, serviceAccountGroups, serviceAccountUser } from '../../identity/users.js';
import type { AdmissionRequest } from '../admission-request.js';

/** What `authorizer` stands for in expressions: the server's own authorizers, asked for the user of the request. */
export function expressionAuthorizer(authorizer: Authorizer, request: AdmissionRequest): CelAuthorizer {
  const { resource, subresource, namespace, name } = request;
  return {
    requestResource: { group: resource.group, resource: resource.resource, subresource, namespace, name },
    authorize: (query) => decide(authorizer, request.user, query),
  };
}

function decide(authorizer: Authorizer, user: UserInfo, query: CelAuthorizationQuery): CelAuthorizationDecision {
  const { serviceAccount, verb, path } = query;
  const decided = authorizer.authorize({
    user: serviceAccount ? accountUser(serviceAccount) : user,
    verb,
    resourceRequest: path === undefined,
    path: path ?? '',
    group: query.group ?? '',
    // The reference asks for all versions.
    version: '*',
    resource: query.resource ?? '',
    subresource: query.subresource ?? '',
    namespace: query.namespace ?? '',
    name: query.name ?? '',
  });
  // An expression cannot wait. Only authorizers outside of this process take time.
  if (decided instanceof Promise) return { allowed: false, error: 'the decision takes longer than an expression may' };
  return { allowed: decided.decision === 'Allow', reason: decided.reason };
}

function accountUser({ namespace, name }: { namespace: string; name: string }): UserInfo {
  return {
    name: serviceAccountUser(namespace, name),
    groups: [...serviceAccountGroups(namespace), ALL_AUTHENTICATED],
  };
}
