import assert from 'node:assert/strict';
import { StatusError, type UserInfo } from '#apimachinery';
import type { AuthorizationAttributes, Authorizer } from '../authorization/authorizer.js';
import { EXTRA } from '../identity/users.js';
import { Impersonation } from './impersonation.js';
import type { Headers } from './request-header-authenticator.js';
import { LIST_PODS } from './testing/list-pods.js';

/** What is asked: `verb group/resource[/subresource] [namespace/]name`. */
function asked({ verb, group, resource, subresource, namespace, name }: AuthorizationAttributes): string {
  const what = `${group}/${resource}${subresource ? `/${subresource}` : ''}`;
  return `${verb} ${what} ${namespace ? `${namespace}/` : ''}${name}`.trim();
}

/** Allows what it is told, and remembers all that it was asked. */
class ListedAuthorizer implements Authorizer {
  readonly questions: string[] = [];

  constructor(private readonly allowed: readonly string[]) {}

  authorize(attributes: AuthorizationAttributes) {
    const question = asked(attributes);
    this.questions.push(question);
    return { decision: this.allowed.includes(question) ? ('Allow' as const) : ('NoOpinion' as const), reason: '' };
  }
}

const agent: UserInfo = {
  name: 'system:serviceaccount:kube-system:agent',
  groups: [],
  extra: { [EXTRA.nodeName]: ['node-1'] },
};
const alice: UserInfo = { name: 'alice', groups: [] };

const ON = 'list /pods web/';
const A = 'authentication.k8s.io';

interface Case {
  what: string;
  as?: UserInfo;
  headers: Headers;
  allowed: string[];
  /** The user, or a piece of the refusal. */
  result: UserInfo | RegExp;
}

const bob = (more: Partial<UserInfo> = {}): UserInfo => ({
  name: 'bob',
  groups: ['system:authenticated'],
  extra: {},
  ...more,
});
const node = (name: string): UserInfo => ({
  name: `system:node:${name}`,
  groups: ['system:nodes', 'system:authenticated'],
  extra: {},
});
const account: UserInfo = {
  name: 'system:serviceaccount:web:app',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:web', 'system:authenticated'],
  extra: {},
};

const USER_ON = `impersonate-on:user-info:${ON}`;
const USER = `impersonate:user-info ${A}/users bob`;
const groupsOf = (...names: string[]) => names.map((name) => `impersonate:user-info ${A}/groups ${name}`);

const CASES: Case[] = [
  // user-info
  {
    what: 'a user, with leave for the user and for the request',
    headers: { 'impersonate-user': 'bob' },
    allowed: [USER_ON, USER],
    result: bob(),
  },
  {
    what: 'a user, without leave for the request',
    headers: { 'impersonate-user': 'bob' },
    allowed: [USER, 'impersonate-on:user-info:get /pods web/'],
    result:
      /^pods is forbidden: User "alice" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "web"$/,
  },
  {
    what: 'a user, without leave for the user',
    headers: { 'impersonate-user': 'bob' },
    allowed: [USER_ON],
    result:
      /^users.authentication.k8s.io "bob" is forbidden: User "alice" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope$/,
  },
  {
    what: 'all parts',
    headers: {
      'impersonate-user': 'bob',
      'impersonate-uid': '7',
      'impersonate-group': ['dev', 'ops'],
      'impersonate-extra-acme.io%2fscope': ['a', 'b'],
    },
    allowed: [
      USER_ON,
      USER,
      `impersonate:user-info ${A}/uids 7`,
      ...groupsOf('dev', 'ops'),
      `impersonate:user-info ${A}/userextras/acme.io/scope a`,
      `impersonate:user-info ${A}/userextras/acme.io/scope b`,
    ],
    result: bob({ uid: '7', groups: ['dev', 'ops', 'system:authenticated'], extra: { 'acme.io/scope': ['a', 'b'] } }),
  },
  {
    what: 'a part without leave',
    headers: { 'impersonate-user': 'bob', 'impersonate-group': ['dev', 'ops'] },
    allowed: [USER_ON, USER, ...groupsOf('dev')],
    result: /^groups.authentication.k8s.io "ops" is forbidden/,
  },
  {
    what: 'many groups, by leave for all',
    headers: { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b', 'c', 'd'] },
    allowed: [USER_ON, USER, ...groupsOf('*')],
    result: bob({ groups: ['a', 'b', 'c', 'd', 'system:authenticated'] }),
  },
  {
    what: 'many groups, by leave for each',
    headers: { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b', 'c', 'd'] },
    allowed: [USER_ON, USER, ...groupsOf('a', 'b', 'c', 'd')],
    result: bob({ groups: ['a', 'b', 'c', 'd', 'system:authenticated'] }),
  },
  {
    what: 'few groups, by leave for all: each is asked for',
    headers: { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b', 'c'] },
    allowed: [USER_ON, USER, ...groupsOf('*')],
    result: /^groups.authentication.k8s.io "a" is forbidden/,
  },
  {
    what: 'system:masters, whatever the leave',
    headers: { 'impersonate-user': 'bob', 'impersonate-group': ['dev', 'system:masters'] },
    allowed: [USER_ON, USER, ...groupsOf('dev', 'system:masters')],
    result:
      /^groups.authentication.k8s.io "system:masters" is forbidden: .*: impersonating the system:masters group is not allowed$/,
  },
  {
    what: 'an empty group',
    headers: { 'impersonate-user': 'bob', 'impersonate-group': [''] },
    allowed: [USER_ON, USER, ...groupsOf('')],
    result: /impersonating the empty string group is not allowed$/,
  },
  {
    what: 'many extra values, by leave for all',
    headers: { 'impersonate-user': 'bob', 'impersonate-extra-acme.io%2fscope': ['a', 'b', 'c', 'd'] },
    allowed: [USER_ON, USER, `impersonate:user-info ${A}/userextras/* *`],
    result: bob({ extra: { 'acme.io/scope': ['a', 'b', 'c', 'd'] } }),
  },
  {
    what: 'an extra key without a domain',
    headers: { 'impersonate-user': 'bob', 'impersonate-extra-scope': 'a' },
    allowed: [USER_ON, USER, `impersonate:user-info ${A}/userextras/scope a`],
    result:
      /: impersonating an invalid key in extra is not allowed: extra\.key: Invalid value: "scope": must be a domain-prefixed path \(such as "acme\.io\/foo"\)$/,
  },
  {
    what: 'an empty extra value',
    headers: { 'impersonate-user': 'bob', 'impersonate-extra-acme.io%2fscope': '' },
    allowed: [USER_ON, USER],
    result: /impersonating the empty string value in extra is not allowed$/,
  },
  {
    what: 'anonymous',
    headers: { 'impersonate-user': 'system:anonymous' },
    allowed: [USER_ON, `impersonate:user-info ${A}/users system:anonymous`],
    result: { name: 'system:anonymous', groups: ['system:unauthenticated'], extra: {} },
  },
  {
    what: 'a node is no user of this kind',
    headers: { 'impersonate-user': 'system:node:node-1' },
    allowed: [USER_ON, `impersonate:user-info ${A}/users system:node:node-1`],
    result: /cannot impersonate-on:arbitrary-node:list resource "pods"/,
  },
  // serviceaccount
  {
    what: 'a ServiceAccount',
    headers: { 'impersonate-user': 'system:serviceaccount:web:app' },
    allowed: [`impersonate-on:serviceaccount:${ON}`, `impersonate:serviceaccount ${A}/serviceaccounts web/app`],
    result: account,
  },
  {
    what: 'a ServiceAccount with groups is for the older way',
    headers: { 'impersonate-user': 'system:serviceaccount:web:app', 'impersonate-group': 'dev' },
    allowed: [`impersonate-on:serviceaccount:${ON}`, `impersonate:serviceaccount ${A}/serviceaccounts web/app`],
    result: /^serviceaccounts "app" is forbidden: User "alice" cannot impersonate resource "serviceaccounts"/,
  },
  // nodes
  {
    what: 'any node',
    headers: { 'impersonate-user': 'system:node:node-2' },
    allowed: [`impersonate-on:arbitrary-node:${ON}`, `impersonate:arbitrary-node ${A}/nodes node-2`],
    result: node('node-2'),
  },
  {
    what: 'the node of the requester',
    as: agent,
    headers: { 'impersonate-user': 'system:node:node-1' },
    allowed: [`impersonate-on:associated-node:${ON}`, `impersonate:associated-node ${A}/nodes *`],
    result: node('node-1'),
  },
  {
    what: 'another node than that of the requester',
    as: agent,
    headers: { 'impersonate-user': 'system:node:node-2' },
    allowed: [`impersonate-on:associated-node:${ON}`, `impersonate:associated-node ${A}/nodes *`],
    result: /cannot impersonate-on:arbitrary-node:list/,
  },
  {
    what: 'the node that a user names who is no ServiceAccount',
    as: { ...agent, name: 'alice' },
    headers: { 'impersonate-user': 'system:node:node-1' },
    allowed: [`impersonate-on:associated-node:${ON}`, `impersonate:associated-node ${A}/nodes *`],
    result: /cannot impersonate-on:arbitrary-node:list/,
  },
  {
    what: 'what only looks like a node',
    headers: { 'impersonate-user': 'system:node:Not_A_Node' },
    allowed: [USER_ON, `impersonate:user-info ${A}/users system:node:Not_A_Node`],
    result: { name: 'system:node:Not_A_Node', groups: ['system:authenticated'], extra: {} },
  },
  // the older way
  {
    what: 'a user, the older way',
    headers: { 'impersonate-user': 'bob', 'impersonate-group': ['system:masters'], 'impersonate-extra-scope': 'a' },
    allowed: ['impersonate /users bob', 'impersonate /groups system:masters', `impersonate ${A}/userextras/scope a`],
    result: bob({ groups: ['system:masters', 'system:authenticated'], extra: { scope: ['a'] } }),
  },
  {
    what: 'a node, the older way: a user like others, in the groups that are asked for',
    headers: { 'impersonate-user': 'system:node:node-1' },
    allowed: ['impersonate /users system:node:node-1'],
    result: { name: 'system:node:node-1', groups: ['system:authenticated'], extra: {} },
  },
  {
    what: 'a ServiceAccount, the older way',
    headers: { 'impersonate-user': 'system:serviceaccount:web:app' },
    allowed: ['impersonate /serviceaccounts web/app'],
    result: account,
  },
  // requests that make no sense
  {
    what: 'a group alone',
    headers: { 'impersonate-group': 'dev' },
    allowed: [],
    result:
      /^requested &user.DefaultInfo\{Name:"", UID:"", Groups:\[\]string\{"dev"\}, Extra:map\[string\]\[\]string\(nil\)\} without impersonating a user name$/,
  },
  { what: 'nobody', headers: { 'x-other': 'y' }, allowed: [], result: alice },
];

describe('impersonation', () => {
  for (const { what, as = alice, headers, allowed, result } of CASES) {
    it(what, async () => {
      const work = new Impersonation(new ListedAuthorizer(allowed)).actAs(as, headers, LIST_PODS);
      if (!(result instanceof RegExp)) {
        assert.deepEqual(await work, result);
        return;
      }
      await assert.rejects(work, (error) => {
        assert.ok(error instanceof StatusError);
        assert.equal(error.code, error.message.startsWith('requested') ? 400 : 403);
        assert.match(error.message, result);
        return true;
      });
    });
  }

  it('asks for leave for a path that names no resource', async () => {
    const authorizer = new ListedAuthorizer([]);
    const path = { ...LIST_PODS, verb: 'get', resourceRequest: false, path: '/metrics', resource: '', namespace: '' };
    await assert.rejects(
      new Impersonation(authorizer).actAs(alice, { 'impersonate-user': 'bob' }, path),
      /User "alice" cannot impersonate-on:user-info:get path "\/metrics"$/,
    );
  });

  it('tries what worked last first, and asks anew each time', async () => {
    const allowed = ['impersonate /users bob'];
    const authorizer = new ListedAuthorizer(allowed);
    const impersonation = new Impersonation(authorizer);
    const again = () => impersonation.actAs(alice, { 'impersonate-user': 'bob' }, LIST_PODS);
    await again();
    assert.deepEqual(authorizer.questions.splice(0), [USER_ON, 'impersonate /users bob']);
    await again();
    assert.deepEqual(authorizer.questions.splice(0), ['impersonate /users bob']);
    allowed.pop();
    await assert.rejects(again(), /cannot impersonate resource "users"/, 'the first refusal is that of the known way');
    allowed.push(USER_ON, USER);
    assert.deepEqual(await again(), bob());
  });
});
