import { badRequest, quote, type UserInfo } from '#apimachinery';
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
    if (account) steps.push({ ...core, resource: 'serviceaccounts', ...account });
    else steps.push({ ...core, resource: 'users', name: user });
  }
  for (const name of headerValues(headers, 'impersonate-group')) {
    steps.push({ ...core, resource: 'groups', name });
  }
  for (const [key, values] of Object.entries(extraFrom(headers, [EXTRA_PREFIX]))) {
    for (const name of values) steps.push({ ...review, resource: 'userextras', subresource: key, name });
  }
  const uid = headerValues(headers, 'impersonate-uid')[0];
  if (uid) steps.push({ ...review, resource: 'uids', name: uid });
  if (steps.length > 0 && !user) {
    throw badRequest(`requested ${wantedUserText(headers)} without impersonating a user name`);
  }
  return steps;
}

/** What was asked for as Go's %#v prints it: the reference's answer. */
function wantedUserText(headers: Headers): string {
  const list = (items: string[]) => `[]string{${items.map(quote).join(', ')}}`;
  const groups = headerValues(headers, 'impersonate-group');
  const extra = Object.entries(extraFrom(headers, [EXTRA_PREFIX])).sort(([x], [y]) => (x < y ? -1 : 1));
  const extraText =
    extra.length > 0 ? `{${extra.map(([key, values]) => `${quote(key)}:${list(values)}`).join(', ')}}` : '(nil)';
  const uid = quote(headerValues(headers, 'impersonate-uid')[0] ?? '');
  const groupsText = groups.length > 0 ? list(groups) : '[]string(nil)';
  return `&user.DefaultInfo{Name:"", UID:${uid}, Groups:${groupsText}, Extra:map[string][]string${extraText}}`;
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
