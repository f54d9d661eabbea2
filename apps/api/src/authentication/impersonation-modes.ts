import { domainPrefixedPathProblems, field, isDNS1123Subdomain, quote, type UserInfo } from '#apimachinery';
import {
  EXTRA,
  MASTERS_GROUP,
  NODE_USER_PREFIX,
  NODES_GROUP,
  serviceAccountGroups,
  splitServiceAccountUser,
} from '../identity/users.js';
import { onlyNameWanted, type WantedUser } from './impersonation-headers.js';

/** The ways to act as somebody else, as data; the rules are those of the reference (KEP 5284). */
export interface ImpersonationMode {
  /** Of the verbs `impersonate:<name>` and `impersonate-on:<name>:<verb>`; undefined is the older way, verb `impersonate`. */
  name?: string;
  applies(wanted: WantedUser, requester: UserInfo): boolean;
  /** The node that leave is asked for, where that is not the wanted one. */
  nodeName?: string;
}

/** One thing that the requester needs leave to impersonate. */
export interface ImpersonationCheck {
  group: string;
  version: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  name: string;
}

/** Checks of which all must be allowed; `instead`, where it is there, makes them needless. */
export interface CheckGroup {
  all: ImpersonationCheck[];
  instead?: ImpersonationCheck;
  /** Refuses without asking, with what the first check would be about. */
  refusal?: { check: ImpersonationCheck; reason: string };
}

/** In the order in which they are tried. */
export const IMPERSONATION_MODES: readonly ImpersonationMode[] = [
  {
    // A ServiceAccount acts as the node that its pod runs on. Leave is asked for all nodes: it is the same on each of them.
    name: 'associated-node',
    nodeName: '*',
    applies: (wanted, requester) =>
      onlyNameWanted(wanted) &&
      nodeOf(wanted.name) !== undefined &&
      splitServiceAccountUser(requester.name) !== undefined &&
      requester.extra?.[EXTRA.nodeName]?.length === 1 &&
      requester.extra[EXTRA.nodeName]![0] === nodeOf(wanted.name),
  },
  { name: 'arbitrary-node', applies: (wanted) => onlyNameWanted(wanted) && nodeOf(wanted.name) !== undefined },
  {
    name: 'serviceaccount',
    applies: (wanted) => onlyNameWanted(wanted) && splitServiceAccountUser(wanted.name) !== undefined,
  },
  {
    // Everybody of whom the cluster does not know by the name what they are.
    name: 'user-info',
    applies: ({ name }) => nodeOf(name) === undefined && splitServiceAccountUser(name) === undefined,
  },
  { applies: () => true },
];

const CORE = { group: '', version: 'v1' };
const AUTHENTICATION = { group: 'authentication.k8s.io', version: 'v1' };

/** From so many on, leave for all is asked for before leave for each. */
const MANY = 4;

/** What the requester needs leave for, part by part of the wanted user. */
export function checksOf(mode: ImpersonationMode, wanted: WantedUser): CheckGroup[] {
  const constrained = mode.name !== undefined;
  const names = constrained ? AUTHENTICATION : CORE;
  const groups: CheckGroup[] = [{ all: [userCheck(mode, wanted.name, names)] }];
  if (wanted.uid !== '') groups.push({ all: [{ ...AUTHENTICATION, resource: 'uids', name: wanted.uid }] });
  if (wanted.groups.length > 0) groups.push(groupChecks(wanted.groups, names, constrained));
  if (Object.keys(wanted.extra).length > 0) groups.push(extraChecks(wanted.extra, constrained));
  return groups;
}

function userCheck(mode: ImpersonationMode, name: string, of: { group: string; version: string }): ImpersonationCheck {
  const account = splitServiceAccountUser(name);
  if (account) return { ...of, resource: 'serviceaccounts', ...account };
  const node = mode.name === undefined ? undefined : nodeOf(name);
  if (node !== undefined) return { ...of, resource: 'nodes', name: mode.nodeName ?? node };
  return { ...of, resource: 'users', name };
}

function groupChecks(
  wanted: readonly string[],
  of: { group: string; version: string },
  constrained: boolean,
): CheckGroup {
  const about = { ...of, resource: 'groups' };
  const all = wanted.map((name) => ({ ...about, name }));
  if (!constrained) return { all };
  if (wanted.includes('')) {
    const reason = 'impersonating the empty string group is not allowed';
    return { all, refusal: { check: { ...about, name: '' }, reason } };
  }
  if (wanted.includes(MASTERS_GROUP)) {
    const reason = 'impersonating the system:masters group is not allowed';
    return { all, refusal: { check: { ...about, name: MASTERS_GROUP }, reason } };
  }
  return wanted.length < MANY ? { all } : { all, instead: { ...about, name: '*' } };
}

function extraChecks(extra: WantedUser['extra'], constrained: boolean): CheckGroup {
  const about = { ...AUTHENTICATION, resource: 'userextras' };
  const entries = Object.entries(extra);
  const all = entries.flatMap(([subresource, values]) => values.map((name) => ({ ...about, subresource, name })));
  if (!constrained) return { all };
  const reason = entries.map(([key, values]) => extraProblem(key, values)).find(Boolean);
  if (reason) return { all, refusal: { check: { ...about, name: '' }, reason } };
  if (entries.length < MANY && all.length < MANY) return { all };
  return { all, instead: { ...about, subresource: '*', name: '*' } };
}

function extraProblem(key: string, values: readonly string[]): string | undefined {
  if (key === '') return 'impersonating the empty string key in extra is not allowed';
  const problems = domainPrefixedPathProblems(key).map(
    ({ value, message }) => `extra.key: ${field.invalid('extra.key', value, message).message}`,
  );
  if (problems.length > 0) {
    const text = problems.length > 1 ? `[${problems.join(', ')}]` : problems[0];
    return `impersonating an invalid key in extra is not allowed: ${text}`;
  }
  if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${quote(key)}`;
  if (values.length === 0) return 'impersonating empty values in extra is not allowed';
  return values.includes('') ? 'impersonating the empty string value in extra is not allowed' : undefined;
}

/** The groups that the wanted user is in by the mode's rules, without the one that says whether they are authenticated. */
export function groupsIn(mode: ImpersonationMode, { name, groups }: WantedUser): readonly string[] {
  if (mode.name !== undefined && nodeOf(name) !== undefined) return [NODES_GROUP];
  const account = splitServiceAccountUser(name);
  return account && groups.length === 0 ? serviceAccountGroups(account.namespace) : groups;
}

function nodeOf(user: string): string | undefined {
  if (!user.startsWith(NODE_USER_PREFIX)) return undefined;
  const name = user.slice(NODE_USER_PREFIX.length);
  return isDNS1123Subdomain(name).length === 0 ? name : undefined;
}
