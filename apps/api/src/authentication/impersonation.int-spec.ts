import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';

const PODS = '/api/v1/namespaces/default/pods';

/** An agent's ServiceAccount on one node, with its token, and RBAC for what it may do as whom. */
describe('constrained impersonation over HTTPS', () => {
  let server: TestServer;
  let token: string;

  beforeAll(async () => {
    server = await testServer();
    const client = server.client();
    await client.create<KubeObject>(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
    await client.create<KubeObject>(gvr.serviceaccounts, 'default', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'agent' },
    });
    await client.create<KubeObject>(gvr.pods, 'default', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'agent' },
      spec: { serviceAccountName: 'agent', nodeName: 'node-1', containers: [{ name: 'main', image: 'x' }] },
    });
    const pod = await client.get(gvr.pods, 'default', 'agent');
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'agent', uid: pod.metadata.uid };
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: { boundObjectRef },
    };
    const answer = await client.create<KubeObject>(gvr.serviceaccounts, 'default', request, {
      name: 'agent',
      subresource: 'token',
    });
    token = answer['status'].token;
    await grant('as-user', [
      {
        apiGroups: ['authentication.k8s.io'],
        resources: ['users'],
        resourceNames: ['bob'],
        verbs: ['impersonate:user-info'],
      },
      { apiGroups: [''], resources: ['pods'], verbs: ['impersonate-on:user-info:list'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['nodes'], verbs: ['impersonate:associated-node'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['impersonate-on:associated-node:list'] },
    ]);
    await grant('reader', [{ apiGroups: [''], resources: ['pods', 'secrets'], verbs: ['get', 'list'] }], {
      kind: 'User',
      name: 'bob',
      apiGroup: 'rbac.authorization.k8s.io',
    });
  });
  afterAll(() => server.close());

  async function grant(
    name: string,
    rules: object[],
    subject: object = { kind: 'ServiceAccount', name: 'agent', namespace: 'default' },
  ): Promise<void> {
    const client = server.client();
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    await client.create<KubeObject>(gvr.clusterroles, '', {
      apiVersion,
      kind: 'ClusterRole',
      metadata: { name },
      rules,
    });
    await client.create<KubeObject>(gvr.clusterrolebindings, '', {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [subject],
    });
  }

  const CASES: [what: string, path: string, user: string, code: number, message?: RegExp][] = [
    ['a request that both may do', PODS, 'bob', 200],
    [
      'a request that the user alone may do',
      '/api/v1/namespaces/default/secrets',
      'bob',
      403,
      /impersonate-on:user-info:list/,
    ],
    ['another verb', `${PODS}/agent`, 'bob', 403, /impersonate-on:user-info:get/],
    ['another user', PODS, 'carol', 403, /impersonate:user-info resource "users"/],
    [
      'the own node',
      `${PODS.replace('/namespaces/default', '')}?fieldSelector=spec.nodeName%3Dnode-1`,
      'system:node:node-1',
      200,
    ],
    [
      'the own node, beyond what nodes may do',
      PODS,
      'system:node:node-1',
      403,
      /User "system:node:node-1" cannot list/,
    ],
    ['another node', PODS, 'system:node:node-2', 403, /impersonate-on:arbitrary-node:list/],
    ['a path that names no resource', '/metrics', 'bob', 403, /impersonate-on:user-info:get path/],
  ];
  for (const [what, path, user, code, message] of CASES) {
    test(what, async () => {
      const headers = { Authorization: `Bearer ${token}`, 'Impersonate-User': user };
      const answer = await call(server, path, { as: 'nobody', headers });
      assert.equal(answer.code, code, answer.body.toString());
      if (message) assert.match(answer.json.message, message);
    });
  }
});
