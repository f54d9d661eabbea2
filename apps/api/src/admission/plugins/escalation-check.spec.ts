import assert from 'node:assert/strict';
import { type KubeObject, StatusError, type UserInfo } from '#apimachinery';
import { AuthorizerChain, rbacLink } from '../../authorization/authorizer-chain.js';
import type { PolicyRule } from '../../authorization/policy-rule.js';
import { RbacAuthorizer } from '../../authorization/rbac-authorizer.js';
import { RbacIndex } from '../../authorization/rbac-index.js';
import { type AdmissionRequest, admissionRequest } from '../admission-request.js';
import { EscalationCheck } from './escalation-check.js';

const GROUP = 'rbac.authorization.k8s.io';
const alice: UserInfo = { name: 'alice', groups: ['system:authenticated'] };

function check(held: PolicyRule[]): EscalationCheck {
  const index = new RbacIndex();
  index.setRole({ metadata: { name: 'held' }, rules: held });
  index.setRole({
    metadata: { name: 'secrets' },
    rules: [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['secrets'] }],
  });
  index.setBinding({
    metadata: { name: 'held' },
    roleRef: { kind: 'ClusterRole', name: 'held' },
    subjects: [{ kind: 'User', name: 'alice' }],
  });
  const rbac = new RbacAuthorizer(index);
  return new EscalationCheck(new AuthorizerChain(rbac, [rbacLink(rbac)]));
}

function request(resource: string, body: Partial<KubeObject>, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return admissionRequest({
    operation: 'CREATE',
    resource: { group: GROUP, version: 'v1', resource },
    kind: { group: GROUP, version: 'v1', kind: '' },
    subresource: '',
    namespace: '',
    name: '',
    object: { apiVersion: `${GROUP}/v1`, kind: '', metadata: { name: 'new' }, ...body } as KubeObject,
    user: alice,
    signal: new AbortController().signal,
    ...more,
  });
}

const secrets: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['secrets'] };
const toSecrets = { roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: 'secrets' } };

describe('EscalationCheck', () => {
  it('lists the rights that a role would grant and its writer does not have', async () => {
    await assert.rejects(check([]).admit(request('clusterroles', { rules: [secrets] })), (error: StatusError) => {
      assert.equal(error.code, 403);
      assert.equal(
        error.message,
        'clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "alice" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
      );
      return true;
    });
  });

  const allowed: [string, PolicyRule[], AdmissionRequest][] = [
    [
      'a role of rights that are held',
      [{ verbs: ['*'], apiGroups: [''], resources: ['*'] }],
      request('clusterroles', { rules: [secrets] }),
    ],
    [
      'any role with escalate',
      [{ verbs: ['escalate'], apiGroups: [GROUP], resources: ['clusterroles'] }],
      request('clusterroles', { rules: [secrets] }),
    ],
    [
      'a binding with bind on its role',
      [{ verbs: ['bind'], apiGroups: [GROUP], resources: ['clusterroles'], resourceNames: ['secrets'] }],
      request('clusterrolebindings', toSecrets),
    ],
    ['a binding to rights that are held', [secrets], request('rolebindings', toSecrets, { namespace: 'web' })],
    [
      'anything by system:masters',
      [],
      request('clusterroles', { rules: [secrets] }, { user: { name: 'root', groups: ['system:masters'] } }),
    ],
  ];
  for (const [title, held, asked] of allowed) it(`lets through ${title}`, () => check(held).admit(asked));

  it('refuses a binding to rights that are not held', async () => {
    await assert.rejects(
      check([]).admit(request('clusterrolebindings', toSecrets)),
      /RBAC permissions not currently held/,
    );
  });

  it('answers 404 for a role that is not there', async () => {
    const body = { roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: 'nowhere' } };
    await assert.rejects(check([]).admit(request('clusterrolebindings', body)), (error: StatusError) => {
      assert.equal(error.code, 404);
      assert.equal(error.message, 'clusterroles.rbac.authorization.k8s.io "nowhere" not found');
      return true;
    });
  });

  it('asks for all rights before an aggregation rule', async () => {
    const body = { rules: [], aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } };
    await assert.rejects(
      check([secrets]).admit(request('clusterroles', body)),
      /must have cluster-admin privileges to use the aggregationRule/,
    );
  });

  it('lets the garbage collector change owners and finalizers', async () => {
    const old = request('clusterroles', { rules: [secrets], metadata: { name: 'new', finalizers: ['a'] } }).object!;
    await check([]).admit(
      request('clusterroles', { rules: [secrets] }, { operation: 'UPDATE', oldObject: old, name: 'new' }),
    );
  });
});
