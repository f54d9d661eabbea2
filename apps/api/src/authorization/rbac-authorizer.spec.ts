import assert from 'node:assert/strict';
import type { UserInfo } from '#apimachinery';
import type { AuthorizationAttributes } from './authorizer.js';
import { forbiddenText } from './forbidden.js';
import { RbacAuthorizer } from './rbac-authorizer.js';
import { type BindingObject, RbacIndex, type RoleObject, type Subject } from './rbac-index.js';

const alice: UserInfo = { name: 'alice', groups: ['dev', 'system:authenticated'] };
const builder: UserInfo = { name: 'system:serviceaccount:ci:builder', groups: ['system:serviceaccounts'] };

function role(name: string, rules: RoleObject['rules'], namespace?: string): RoleObject {
  return { metadata: { name, namespace }, rules };
}

function binding(name: string, ref: string, subjects: Subject[], namespace?: string): BindingObject {
  const [kind = '', target = ''] = ref.split('/');
  return { metadata: { name, namespace }, roleRef: { kind, name: target }, subjects };
}

function request(user: UserInfo, text: string, more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes {
  // `get pods/log.group ns/name`
  const [verb = '', what = '', where = ''] = text.split(' ');
  if (what.startsWith('/')) {
    return { ...blank, user, verb, resourceRequest: false, path: what, ...more };
  }
  const [path = '', ...group] = what.split('.');
  const [resource = '', subresource = ''] = path.split('/');
  const [namespace = '', name = ''] = where.split('/');
  return { ...blank, user, verb, group: group.join('.'), resource, subresource, namespace, name, ...more };
}

const blank: AuthorizationAttributes = {
  user: alice,
  verb: '',
  resourceRequest: true,
  group: '',
  version: 'v1',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  path: '',
};

describe('many bindings to one role', () => {
  it('give its rules once in each scope', () => {
    const index = new RbacIndex();
    const rules = ['a', 'b'].map((resource) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] }));
    index.setRole(role('vast', rules));
    index.setRole(role('same', [rules[0]!]));
    for (let i = 0; i < 100; i++) {
      const ref = i % 2 === 0 ? 'ClusterRole/vast' : 'ClusterRole/same';
      index.setBinding(binding(`b${i}`, ref, [{ kind: 'User', name: 'alice' }], 'web'));
    }
    index.setBinding(binding('everywhere', 'ClusterRole/vast', [{ kind: 'User', name: 'alice' }]));
    const found = index.rulesFor(alice, 'web').rules;
    assert.deepEqual(
      found.map(({ rule, grant }) => [rule.resources![0], grant.binding.metadata.name]),
      [
        ['a', 'everywhere'],
        ['b', 'everywhere'],
        ['a', 'b0'],
        ['b', 'b0'],
        ['a', 'b1'],
      ],
    );
  });
});

function sample(): RbacIndex {
  const index = new RbacIndex();
  index.setRole(role('reader', [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log'] }]));
  index.setRole(role('scaler', [{ verbs: ['update'], apiGroups: ['apps'], resources: ['*/scale'] }]));
  index.setRole(
    role(
      'one-config',
      [{ verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['shared'] }],
      'ci',
    ),
  );
  index.setRole(role('paths', [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/logs/*'] }]));
  index.setBinding(binding('readers', 'ClusterRole/reader', [{ kind: 'Group', name: 'dev' }], 'web'));
  index.setBinding(binding('scalers', 'ClusterRole/scaler', [{ kind: 'User', name: 'alice' }]));
  index.setBinding(binding('config', 'Role/one-config', [{ kind: 'ServiceAccount', name: 'builder' }], 'ci'));
  index.setBinding(binding('paths', 'ClusterRole/paths', [{ kind: 'Group', name: 'system:authenticated' }]));
  return index;
}

describe('RbacAuthorizer', () => {
  const cases: [string, UserInfo, string, boolean][] = [
    ['a group grants in the namespace of its binding', alice, 'get pods web/a', true],
    ['subresources need their own mention', alice, 'get pods/log web/a', true],
    ['an unmentioned subresource is not allowed', alice, 'get pods/exec web/a', false],
    ['a namespace does not spill over', alice, 'get pods ci/a', false],
    ['a namespace grant is not one for the cluster', alice, 'list pods', false],
    ['an unmentioned verb is not allowed', alice, 'delete pods web/a', false],
    ['another group is not allowed', alice, 'get pods.metrics.k8s.io web/a', false],
    ['*/scale covers any resource of the group', alice, 'update deployments/scale.apps any/a', true],
    ['*/scale does not cover the resource', alice, 'update deployments.apps any/a', false],
    ['a ServiceAccount without namespace is of the binding’s', builder, 'get configmaps ci/shared', true],
    ['resourceNames limit to the named', builder, 'get configmaps ci/other', false],
    ['resourceNames never cover requests without a name', builder, 'get configmaps ci/', false],
    ['paths match exactly', alice, 'get /healthz', true],
    ['paths match by prefix', alice, 'get /logs/a/b', true],
    ['an unmentioned path is not allowed', alice, 'get /metrics', false],
    ['groups of others are not looked at', builder, 'get /healthz', false],
  ];
  for (const [title, user, text, allowed] of cases) {
    it(title, () => {
      const authorizer = new RbacAuthorizer(sample());
      for (const round of [1, 2]) {
        const { decision } = authorizer.authorize(request(user, text));
        assert.equal(decision, allowed ? 'Allow' : 'NoOpinion', `round ${round}`);
      }
    });
  }

  it('says which binding allowed', () => {
    const authorizer = new RbacAuthorizer(sample());
    assert.equal(
      authorizer.authorize(request(alice, 'get pods web/a')).reason,
      'RBAC: allowed by RoleBinding "readers/web" of ClusterRole "reader" to Group "dev"',
    );
    assert.equal(
      authorizer.authorize(request(builder, 'get configmaps ci/shared')).reason,
      'RBAC: allowed by RoleBinding "config/ci" of Role "one-config" to ServiceAccount "builder/ci"',
    );
  });

  it('says which role is missing', () => {
    const index = sample();
    index.removeRole(role('scaler', []));
    const answer = new RbacAuthorizer(index).authorize(request(alice, 'delete nodes /a'));
    assert.equal(answer.reason, 'RBAC: clusterrole.rbac.authorization.k8s.io "scaler" not found');
  });

  it('forgets its answers when a role or a binding changes', () => {
    const index = sample();
    const authorizer = new RbacAuthorizer(index);
    const asked = request(alice, 'get pods web/a');
    assert.equal(authorizer.authorize(asked).decision, 'Allow');
    index.removeBinding(binding('readers', 'ClusterRole/reader', [], 'web'));
    assert.equal(authorizer.authorize(asked).decision, 'NoOpinion');
    index.setBinding(binding('readers', 'ClusterRole/reader', [{ kind: 'User', name: 'alice' }], 'web'));
    assert.equal(authorizer.authorize(asked).decision, 'Allow');
    index.setRole(role('reader', [{ verbs: ['list'], apiGroups: [''], resources: ['pods'] }]));
    assert.equal(authorizer.authorize(asked).decision, 'NoOpinion');
    index.setRole(role('reader', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]));
    assert.equal(authorizer.authorize(asked).decision, 'Allow');
  });

  it('takes a binding that names a subject twice back as a whole', () => {
    const index = new RbacIndex();
    index.setRole(role('all', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]));
    const twice = binding('b', 'ClusterRole/all', [
      { kind: 'User', name: 'alice' },
      { kind: 'User', name: 'alice' },
    ]);
    index.setBinding(twice);
    const authorizer = new RbacAuthorizer(index);
    assert.equal(authorizer.authorize(request(alice, 'get pods a/b')).decision, 'Allow');
    index.removeBinding(twice);
    assert.equal(authorizer.authorize(request(alice, 'get pods a/b')).decision, 'NoOpinion');
  });
});

describe('forbiddenText', () => {
  for (const [text, expected] of [
    ['list pods default/', 'User "alice" cannot list resource "pods" in API group "" in the namespace "default"'],
    [
      'get deployments/scale.apps a/b',
      'User "alice" cannot get resource "deployments/scale" in API group "apps" in the namespace "a"',
    ],
    ['list nodes', 'User "alice" cannot list resource "nodes" in API group "" at the cluster scope'],
    ['get /metrics', 'User "alice" cannot get path "/metrics"'],
  ] as const) {
    it(`for ${text}`, () => assert.equal(forbiddenText(request(alice, text)), expected));
  }
});
