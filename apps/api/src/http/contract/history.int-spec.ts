import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';

const PATH = '/berth/history';
const OBJECT = 'resource=configmaps&namespace=default&name=a';

describe('the history of an object', () => {
  let server: TestServer;
  let client: Client;
  beforeAll(async () => {
    server = await testServer();
    client = server.client();
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { n: '1' } };
    await client.create<KubeObject>(gvr.configmaps, 'default', map);
    for (const n of ['2', '3']) {
      await client.patch(gvr.configmaps, 'default', 'a', 'application/merge-patch+json', { data: { n } });
    }
    await client.delete(gvr.configmaps, 'default', 'a');
  });
  afterAll(() => server.close());

  const as = (user: string) => ({ headers: { 'Impersonate-User': user } });

  test('has every version, the newest first, with what it was', async () => {
    const { code, json, headers } = await call(server, `${PATH}?${OBJECT}`);
    assert.equal(code, 200);
    assert.match(headers['content-type']!, /^application\/json/);
    const { items } = json;
    assert.deepEqual(
      items.map(({ type, object }: any) => `${type} ${object.data.n}`),
      ['DELETED 3', 'MODIFIED 3', 'MODIFIED 2', 'ADDED 1'],
    );
    const [, third, second, first] = items;
    assert.equal(third.previous, second.revision);
    assert.equal(first.previous, undefined);
    assert.equal(third.object.metadata.resourceVersion, String(third.revision));
    assert.ok(Math.abs(Date.now() - Date.parse(third.at)) < 600_000);
    assert.equal(json.before, undefined);
  });

  test('comes in pages', async () => {
    const first = await call(server, `${PATH}?${OBJECT}&limit=3`);
    assert.equal(first.json.items.length, 3);
    assert.equal(first.json.before, first.json.items[2].revision);
    const second = await call(server, `${PATH}?${OBJECT}&limit=3&before=${first.json.before}`);
    assert.deepEqual(
      second.json.items.map(({ type }: any) => type),
      ['ADDED'],
    );
  });

  const REFUSED: [string, string][] = [
    ['', 'resource must be a string, resource should not be empty, name must be a string, name should not be empty'],
    [`${OBJECT}&limit=0`, 'limit must not be less than 1'],
    [`${OBJECT}&limit=51`, 'limit must not be greater than 50'],
    [`${OBJECT}%00`, 'name must not contain NUL'],
    [`${OBJECT}&before=soon`, 'before must be an integer number'],
    [`${OBJECT}&name=b`, 'name must be a string'],
    [`${OBJECT}&at=now`, 'property at should not exist'],
    ['resource=constructor&name=a', 'resource "constructor" is not served'],
    ['resource=configmaps&name=a', 'namespace should not be empty'],
    ['resource=nodes&namespace=default&name=a', 'namespace should be empty'],
  ];
  for (const [query, message] of REFUSED) {
    test(`a query that cannot be answered gets a Status: ${query || 'none'}`, async () => {
      const { code, json } = await call(server, `${PATH}?${query}`);
      assert.equal(code, 400);
      assert.equal(json.kind, 'Status');
      assert.equal(json.reason, 'BadRequest');
      const reasons = message.split(', ');
      assert.deepEqual(
        reasons.filter((reason) => !json.message.includes(reason)),
        [],
        json.message,
      );
    });
  }

  test('an object that never was has none, and no method but GET asks for it', async () => {
    const none = await call(server, `${PATH}?resource=nodes&name=none`);
    assert.deepEqual(none.json, { items: [] });
    assert.equal((await call(server, `${PATH}?${OBJECT}`, { method: 'POST', body: '{}' })).code, 405);
  });

  test('whoever may ask for the path sees what he may get', async () => {
    const metadata = { name: 'history-reader' };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'history-reader' };
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata };
    await client.create<KubeObject>(gvr.clusterroles, '', {
      ...role,
      rules: [
        { nonResourceURLs: [PATH], verbs: ['get'] },
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: ['a'] },
      ],
    });
    const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'reader' }];
    await client.create<KubeObject>(gvr.clusterrolebindings, '', {
      ...role,
      kind: 'ClusterRoleBinding',
      roleRef,
      subjects,
    });
    assert.equal((await call(server, `${PATH}?${OBJECT}`, as('reader'))).json.items?.length, 4);
    const secret = await call(server, `${PATH}?resource=secrets&namespace=default&name=a`, as('reader'));
    assert.equal(secret.code, 403);
    assert.match(
      secret.json.message,
      /User "reader" cannot get resource "secrets" in API group "" in the namespace "default"/,
    );
    const stranger = await call(server, `${PATH}?${OBJECT}`, as('stranger'));
    assert.equal(stranger.code, 403);
    assert.match(stranger.json.message, /User "stranger" cannot get path "\/berth\/history"/);
  });

  test('a permission in a namespace shows nothing of an earlier namespace of that name', async () => {
    const names = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'reborn' } };
    const put = async (value: string) => {
      await client.create<KubeObject>(gvr.namespaces, '', names);
      const metadata = { name: 'a' };
      await client.create<KubeObject>(gvr.secrets, 'reborn', {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata,
        stringData: { value },
      });
    };
    await put('old');
    await client.delete(gvr.secrets, 'reborn', 'a');
    await client.delete(gvr.namespaces, '', 'reborn');
    const gone = await client.get<KubeObject>(gvr.namespaces, '', 'reborn').catch(() => undefined);
    if (gone)
      await client.update(gvr.namespaces, '', { ...gone, spec: { finalizers: [] } }, { subresource: 'finalize' });
    // Times of objects are whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await put('new');
    const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole' };
    const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'tenant' }];
    const binding = (kind: string, name: string, namespace?: string) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind,
      metadata: { name: 'tenant', ...(namespace ? { namespace } : {}) },
      roleRef: { ...role, name },
      subjects,
    });
    await client.create<KubeObject>(gvr.clusterroles, '', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'history-path' },
      rules: [{ nonResourceURLs: [PATH], verbs: ['get'] }],
    });
    await client.create<KubeObject>(gvr.clusterrolebindings, '', binding('ClusterRoleBinding', 'history-path'));
    await client.create<KubeObject>(gvr.rolebindings, 'reborn', binding('RoleBinding', 'admin', 'reborn'));
    const asked = `${PATH}?resource=secrets&namespace=reborn&name=a`;
    const types = (answer: any) => answer.json.items.map(({ type }: any) => type);
    assert.deepEqual(types(await call(server, asked, as('tenant'))), ['ADDED']);
    assert.deepEqual(types(await call(server, asked)), ['ADDED', 'DELETED', 'ADDED']);
  });
});
