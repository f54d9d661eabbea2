import assert from 'node:assert/strict';
import type { KubeObject, StatusError, UserInfo } from '#apimachinery';
import { AuthorizerChain, nodeLink, rbacLink } from '../../authorization/authorizer-chain.js';
import { NodeAuthorizer } from '../../authorization/node-authorizer.js';
import { NodeGraph } from '../../authorization/node-graph.js';
import { RbacAuthorizer } from '../../authorization/rbac-authorizer.js';
import { RbacIndex } from '../../authorization/rbac-index.js';
import { ENDLESS } from '../../registry/request-lifetime.js';
import { accessReviewResources } from './access-reviews.js';

const alice: UserInfo = { name: 'alice', groups: ['dev'] };

async function ask(kind: string, spec: object, more: { user?: UserInfo; metadata?: object } = {}): Promise<any> {
  const index = new RbacIndex();
  index.setRole({
    metadata: { name: 'reader' },
    rules: [
      { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] },
      { verbs: ['get'], nonResourceURLs: ['/healthz'] },
    ],
  });
  index.setBinding({
    metadata: { name: 'readers' },
    roleRef: { kind: 'ClusterRole', name: 'reader' },
    subjects: [{ kind: 'Group', name: 'dev' }],
  });
  const rbac = new RbacAuthorizer(index);
  const authorization = new AuthorizerChain(rbac, [nodeLink(new NodeAuthorizer(new NodeGraph(), [])), rbacLink(rbac)]);
  const resource = accessReviewResources(authorization).find((item) => item.kind === kind)!;
  const object = { apiVersion: 'authorization.k8s.io/v1', kind, metadata: more.metadata ?? {}, spec } as KubeObject;
  const namespace = resource.namespaced ? 'web' : '';
  const user = more.user ?? alice;
  return (
    await resource.create(
      { user, namespace, name: '', object, dryRun: false, warn: () => {}, lifetime: ENDLESS },
      {} as never,
    )
  )['status'];
}

function refused(work: Promise<unknown>, code: number, message: string): Promise<void> {
  return assert.rejects(work, (error: StatusError) => {
    assert.equal(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
}

const pods = { namespace: 'web', verb: 'list', resource: 'pods' };
const reason = 'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to Group "dev"';

describe('access reviews', () => {
  it('tell whether the caller may', async () => {
    assert.deepEqual(await ask('SelfSubjectAccessReview', { resourceAttributes: pods }), { allowed: true, reason });
    const path = { nonResourceAttributes: { path: '/healthz', verb: 'get' } };
    assert.deepEqual(await ask('SelfSubjectAccessReview', path), { allowed: true, reason });
    const denied = { resourceAttributes: { ...pods, verb: 'delete' } };
    assert.deepEqual(await ask('SelfSubjectAccessReview', denied), { allowed: false });
  });

  it('tell whether somebody else may', async () => {
    assert.deepEqual(await ask('SubjectAccessReview', { user: 'bob', groups: ['dev'], resourceAttributes: pods }), {
      allowed: true,
      reason,
    });
    assert.deepEqual(await ask('SubjectAccessReview', { user: 'bob', resourceAttributes: pods }), { allowed: false });
    assert.deepEqual(
      await ask(
        'LocalSubjectAccessReview',
        { groups: ['dev'], resourceAttributes: pods },
        { metadata: { namespace: 'web' } },
      ),
      { allowed: true, reason },
    );
  });

  it('look at selectors, and say what they could not read of them', async () => {
    const user = { name: 'system:node:n', groups: ['system:nodes'] };
    const select = (fieldSelector: object) =>
      ask('SelfSubjectAccessReview', { resourceAttributes: { ...pods, namespace: '', fieldSelector } }, { user });
    assert.equal((await select({ rawSelector: 'spec.nodeName=n' })).allowed, true);
    assert.equal(
      (await select({ requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n'] }] })).allowed,
      true,
    );
    const partly = [
      { key: 'spec.nodeName', operator: 'In', values: ['n'] },
      { key: 'a', operator: 'Exists' },
    ];
    assert.deepEqual(await select({ requirements: partly }), {
      allowed: true,
      evaluationError: 'spec.resourceAttributes.fieldSelector partially ignored due to parse error',
    });
    assert.equal(
      (await select({ rawSelector: 'spec.nodeName' })).evaluationError,
      'spec.resourceAttributes.fieldSelector ignored due to parse error',
    );
  });

  const both =
    'spec: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified';
  const bad: [string, string, object, object | undefined, string][] = [
    [
      'no question',
      'SelfSubjectAccessReview',
      {},
      undefined,
      `SelfSubjectAccessReview.authorization.k8s.io "" is invalid: ${both}`,
    ],
    [
      'no subject',
      'SubjectAccessReview',
      { resourceAttributes: pods },
      undefined,
      'SubjectAccessReview.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
    ],
    [
      'metadata',
      'SelfSubjectAccessReview',
      { resourceAttributes: pods },
      { name: 'x' },
      'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: metadata: Invalid value: {"name":"x"}: must be empty',
    ],
    [
      'another namespace',
      'LocalSubjectAccessReview',
      { user: 'bob', resourceAttributes: { ...pods, namespace: 'x' } },
      { namespace: 'web' },
      'LocalSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "x": must match metadata.namespace',
    ],
  ];
  for (const [title, kind, spec, metadata, message] of bad) {
    it(`with ${title} are invalid`, () => refused(ask(kind, spec, { metadata }), 422, message));
  }

  it('list the rules of the caller', async () => {
    assert.deepEqual(await ask('SelfSubjectRulesReview', { namespace: 'web' }), {
      resourceRules: [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }],
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }],
      incomplete: false,
    });
    await refused(ask('SelfSubjectRulesReview', {}), 400, 'no namespace on request');
    const user = { name: 'system:node:n', groups: ['system:nodes'] };
    assert.equal((await ask('SelfSubjectRulesReview', { namespace: 'web' }, { user })).incomplete, true);
  });
});
