import { badRequest, type UserInfo } from '#apimachinery';
import type { AuthorizationAttributes, Authorizer } from '../authorization/authorizer.js';
import { forbiddenError } from '../authorization/forbidden.js';
import { extraFrom, type Headers, headerValues } from './request-header-authenticator.js';
import {
  ALL_AUTHENTICATED,
  ALL_UNAUTHENTICATED,
  ANONYMOUS,
  serviceAccountGroups,
  splitServiceAccountUser,
} from './users.js';

const EXTRA_PREFIX = 'impersonate-extra-';

interface Step {
  kind: 'ServiceAccount' | 'User' | 'Group' | 'UserExtra' | 'UID';
  resource: string;
  group: string;
  version: string;
  subresource: string;
  namespace: string;
  name: string;
}

/**
 * The user that the headers ask to act as, or the requester when there are none. Every part (user, each group, each
 * extra value, uid) needs its own leave by the verb `impersonate`. Throws 400 or 403.
 */
export async function impersonate(requester: UserInfo, headers: Headers, authorizer: Authorizer): Promise<UserInfo> {
  const steps = readSteps(headers);
  if (steps.length === 0) return requester;
  for (const step of steps) {
    const attributes: AuthorizationAttributes = {
      user: requester,
      verb: 'impersonate',
      resourceRequest: true,
      group: step.group,
      version: step.version,
      resource: step.resource,
      subresource: step.subresource,
      namespace: step.namespace,
      name: step.name,
      path: '',
    };
    const { decision, reason } = await authorizer.authorize(attributes);
    if (decision !== 'Allow') throw forbiddenError(attributes, reason);
  }
  const name = headerValues(headers, 'impersonate-user')[0]!;
  const uid = headerValues(headers, 'impersonate-uid')[0];
  return Object.freeze({
    name,
    ...(uid ? { uid } : undefined),
    groups: groupsOf(name, headerValues(headers, 'impersonate-group')),
    extra: extraFrom(headers, [EXTRA_PREFIX]),
  });
}

function readSteps(headers: Headers): Step[] {
  const user = headerValues(headers, 'impersonate-user')[0];
  const steps: Step[] = [];
  const core = { group: '', version: '', subresource: '', namespace: '' };
  const review = { ...core, group: 'authentication.k8s.io', version: 'v1' };
  if (user) {
    const account = splitServiceAccountUser(user);
    if (account) steps.push({ ...core, kind: 'ServiceAccount', resource: 'serviceaccounts', ...account });
    else steps.push({ ...core, kind: 'User', resource: 'users', name: user });
  }
  for (const name of headerValues(headers, 'impersonate-group')) {
    steps.push({ ...core, kind: 'Group', resource: 'groups', name });
  }
  for (const [key, values] of Object.entries(extraFrom(headers, [EXTRA_PREFIX]))) {
    for (const name of values)
      steps.push({ ...review, kind: 'UserExtra', resource: 'userextras', subresource: key, name });
  }
  const uid = headerValues(headers, 'impersonate-uid')[0];
  if (uid) steps.push({ ...review, kind: 'UID', resource: 'uids', name: uid });
  if (steps.length > 0 && !user) {
    throw badRequest(`requested [${steps.map(referenceText).join(' ')}] without impersonating a user`);
  }
  return steps;
}

/** An ObjectReference as Go prints it: kind, namespace, name, uid, apiVersion, resourceVersion, fieldPath. */
function referenceText(step: Step): string {
  const apiVersion = step.group ? `${step.group}/${step.version}` : '';
  return `{${[step.kind, step.namespace, step.name, '', apiVersion, '', step.subresource].join(' ')}}`;
}

function groupsOf(user: string, requested: string[]): string[] {
  const account = splitServiceAccountUser(user);
  const groups = requested.length === 0 && account ? serviceAccountGroups(account.namespace) : [...requested];
  if (user === ANONYMOUS) {
    if (!groups.includes(ALL_UNAUTHENTICATED)) groups.push(ALL_UNAUTHENTICATED);
  } else if (!groups.includes(ALL_AUTHENTICATED) && !groups.includes(ALL_UNAUTHENTICATED)) {
    groups.push(ALL_AUTHENTICATED);
  }
  return groups;
}
