import assert from 'node:assert/strict';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const NOT_ALLOWED = 'the server does not allow this method on the requested resource';
const UNKNOWN = 'the server could not find the requested resource';

/** The routes that the reference installs: every other method of a path is 405, and a path without any is 404. */
const TABLE: [path: string, served: string][] = [
  // collections
  ['/api/v1/namespaces/default/configmaps', 'GET POST DELETE'],
  ['/api/v1/configmaps', 'GET'],
  ['/api/v1/namespaces', 'GET POST'],
  ['/api/v1/nodes', 'GET POST DELETE'],
  ['/api/v1/componentstatuses', 'GET'],
  ['/apis/apps/v1/namespaces/default/deployments', 'GET POST DELETE'],
  // objects
  ['/api/v1/namespaces/default/configmaps/x', 'GET PUT PATCH DELETE'],
  ['/api/v1/namespaces/x', 'GET PUT PATCH DELETE'],
  ['/api/v1/nodes/x', 'GET PUT PATCH DELETE'],
  ['/apis/rbac.authorization.k8s.io/v1/clusterroles/x', 'GET PUT PATCH DELETE'],
  // what is only made
  ['/api/v1/namespaces/default/bindings', 'POST'],
  ['/api/v1/namespaces/default/bindings/x', ''],
  ['/api/v1/bindings', ''],
  ['/apis/authorization.k8s.io/v1/subjectaccessreviews', 'POST'],
  ['/apis/authorization.k8s.io/v1/subjectaccessreviews/x', ''],
  ['/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews', 'POST'],
  ['/apis/authorization.k8s.io/v1/localsubjectaccessreviews', ''],
  // subresources
  ['/api/v1/namespaces/default/pods/x/status', 'GET PUT PATCH'],
  ['/api/v1/namespaces/default/pods/x/ephemeralcontainers', 'GET PUT PATCH'],
  ['/api/v1/namespaces/default/pods/x/resize', 'GET PUT PATCH'],
  ['/api/v1/namespaces/default/pods/x/binding', 'POST'],
  ['/api/v1/namespaces/default/pods/x/eviction', 'POST'],
  ['/api/v1/namespaces/default/pods/x/log', 'GET'],
  ['/api/v1/namespaces/default/pods/x/exec', 'GET POST'],
  ['/api/v1/namespaces/default/pods/x/portforward', 'GET POST'],
  ['/api/v1/namespaces/default/pods/x/nothing', ''],
  ['/api/v1/namespaces/default/pods/x/status/y', ''],
  ['/api/v1/namespaces/default/pods/x/log/y', ''],
  ['/api/v1/namespaces/default/serviceaccounts/x/token', 'POST'],
  ['/api/v1/namespaces/x/finalize', 'PUT'],
  ['/api/v1/namespaces/x/status', 'GET PUT PATCH'],
  ['/apis/apps/v1/namespaces/default/deployments/x/scale', 'GET PUT PATCH'],
  ['/apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval', 'GET PUT PATCH'],
  // the older form of a watch
  ['/api/v1/watch/namespaces/default/configmaps', 'GET'],
  ['/api/v1/watch/configmaps', 'GET'],
  ['/api/v1/watch/namespaces/default/configmaps/x', 'GET'],
  ['/api/v1/watch/namespaces/default/pods/x/status', ''],
  // no such place
  ['/api/v1/nothings', ''],
  ['/api/v1/namespaces/default/nothings', ''],
  ['/api/v1/configmaps/x', ''],
  ['/api/v1/namespaces/default/nodes', ''],
  ['/api/v1/namespaces/default/nodes/x', ''],
  ['/api/v1/proxy/namespaces/default/pods/x', ''],
  // cluster-scoped resources below a namespace, and the reverse
  ['/api/v1/namespaces/default/namespaces', ''],
  ['/api/v1/namespaces/default/namespaces/kube-system', ''],
  ['/api/v1/namespaces/default/namespaces/default', ''],
  ['/api/v1/namespaces/default/namespaces/kube-system/status', ''],
  ['/api/v1/namespaces/default/namespaces/kube-system/finalize', ''],
  ['/api/v1/namespaces/default/nodes/x/proxy', ''],
  ['/api/v1/namespaces/default/nodes/x/proxy/pods', ''],
  ['/api/v1/pods/x/exec', ''],
  ['/api/v1/pods/x/log', ''],
  ['/api/v1/services/x/proxy/', ''],
  ['/api/v1/watch/namespaces/default/nodes', ''],
  ['/api/v1/watch/configmaps/x', ''],
  // names that every JavaScript object has
  ['/api/v1/constructor', ''],
  ['/api/v1/__proto__/x', ''],
  ['/api/v1/toString/x/constructor', ''],
  ['/api/v1/namespaces/default/pods/x/constructor', ''],
];

/** Odd forms of paths, and the form that they are answered as. */
const SAME: [odd: string, plain: string][] = [
  ['/api/', '/api'],
  ['/api//', '/api'],
  ['/api/v1/', '/api/v1'],
  ['/apis/', '/apis'],
  ['/apis/apps/', '/apis/apps'],
  ['/apis/apps/v1/', '/apis/apps/v1'],
  ['/apis/apps%2Fv1', '/apis/apps/v1'],
  ['/version/', '/version'],
  ['/openid/v1/jwks/', '/openid/v1/jwks'],
  ['/api/v1/namespaces/', '/api/v1/namespaces'],
  ['/api/v1/namespaces/default/', '/api/v1/namespaces/default'],
  ['/api/v1/namespaces/default/configmaps//', '/api/v1/namespaces/default/configmaps'],
  ['/api/v1/namespaces/default%2Fconfigmaps', '/api/v1/namespaces/default/configmaps'],
  ['/api/v1/namespaces//configmaps', '/api/v1/configmaps'],
];

const NOWHERE = ['//', '//api', '//api/v1/pods', '/apis//', '/healthz/', '/metrics/', '/openapi/v2/', '/API'];

const GET_ONLY = [
  '/version',
  '/api',
  '/api/v1',
  '/apis/apps/v1/',
  '/apis/apiregistration.k8s.io',
  '/apis/apiregistration.k8s.io/v1',
  '/.well-known/openid-configuration',
  '/openid/v1/jwks',
];
const ANY_METHOD = [
  '/',
  '/apis',
  '/apis/apps',
  '/healthz',
  '/livez',
  '/readyz',
  '/livez/ping',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/apis/apps/v1',
];

describe('methods and paths', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  for (const [path, served] of TABLE) {
    test(`${path}: ${served || 'nothing'}`, async () => {
      for (const method of METHODS) {
        // No object has this name and no body is good: what is served fails, or reads, but never with these two answers.
        const query = path.includes('/watch/') ? '?timeoutSeconds=1' : '?dryRun=All';
        const body = ['POST', 'PUT', 'PATCH'].includes(method) ? 'null' : undefined;
        const answer = await call(server, `${path}${query}`, { method, body });
        const what = `${method} ${answer.code} ${answer.body}`;
        if (served.split(' ').includes(method)) {
          assert.ok(answer.code !== 405 && !answer.body.includes(UNKNOWN), what);
          continue;
        }
        assert.equal(answer.code, served === '' ? 404 : 405, what);
        if (method === 'HEAD') continue;
        const { reason, message, details } = answer.json;
        assert.equal(message, served === '' ? UNKNOWN : NOT_ALLOWED, what);
        assert.equal(reason, served === '' ? 'NotFound' : 'MethodNotAllowed');
        assert.deepEqual(details, {});
      }
    });
  }

  for (const path of GET_ONLY) {
    test(`${path} is only read, with GET`, async () => {
      for (const method of METHODS.slice(1)) {
        const answer = await call(server, path, { method });
        assert.equal(answer.code, 405, method);
        if (method === 'HEAD') assert.equal(answer.body.length, 0);
        else assert.equal(answer.json.message, NOT_ALLOWED);
      }
    });
  }

  for (const path of ANY_METHOD) {
    test(`${path} is answered whatever the method`, async () => {
      const { body, headers } = await call(server, path);
      for (const method of METHODS.slice(1)) {
        const sent = method === 'POST' ? { body: 'a=b', headers: { 'Content-Type': 'text/odd' } } : {};
        const answer = await call(server, path, { method, ...sent });
        assert.equal(answer.code, 200, method);
        assert.equal(answer.headers['content-type'], headers['content-type']);
        // What is measured changes all the time.
        if (method === 'HEAD') assert.equal(answer.body.length, 0);
        else if (path !== '/metrics') assert.deepEqual(answer.body, body);
      }
    });
  }

  test('a document that is not there is not there for any method', async () => {
    for (const path of ['/apis/none', '/api/v9', '/nothing']) {
      for (const method of METHODS.filter((method) => method !== 'HEAD')) {
        assert.equal((await call(server, path, { method })).body.toString(), '404 page not found\n');
      }
    }
  });

  for (const [odd, plain] of SAME) {
    test(`${odd} is ${plain}`, async () => {
      const [answer, expected] = [await call(server, odd), await call(server, plain)];
      assert.equal(answer.code, 200);
      assert.deepEqual(answer.json, expected.json);
    });
  }

  for (const path of NOWHERE) {
    test(`${path} is nowhere`, async () => {
      const answer = await call(server, path);
      assert.equal(answer.code, 404);
      assert.equal(answer.body.toString(), '404 page not found\n');
      assert.equal((await call(server, path, { as: 'nobody' })).code, 403);
    });
  }

  test('who may do everything in a namespace does nothing beyond it', async () => {
    const client = server.client();
    const { apiVersion, kind } = { apiVersion: 'v1', kind: 'Namespace' };
    for (const name of ['owned', 'victim'])
      await client.create(gvr.namespaces, '', { apiVersion, kind, metadata: { name } });
    const rbac = 'rbac.authorization.k8s.io';
    const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
    await client.create(gvr.roles, 'owned', {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name: 'all' },
      rules,
    });
    await client.create(gvr.rolebindings, 'owned', {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'all' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'owner' }],
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'all' },
    });
    const headers = { 'Impersonate-User': 'owner', 'Content-Type': 'application/merge-patch+json' };
    const own = '/api/v1/namespaces/owned';
    assert.equal((await call(server, `${own}/pods`, { headers })).code, 200, 'what is in it');
    const body = { metadata: { labels: { taken: 'yes' } } };
    const before = await client.get(gvr.namespaces, '', 'victim');
    for (const path of ['namespaces', 'namespaces/victim', 'namespaces/victim/status', 'nodes', 'nodes/x/proxy/pods']) {
      for (const method of METHODS) {
        const sent = { method, headers, body: ['POST', 'PUT', 'PATCH'].includes(method) ? body : undefined };
        assert.equal((await call(server, `${own}/${path}`, sent)).code, 404, `${method} ${path}`);
      }
    }
    assert.deepEqual(await client.get(gvr.namespaces, '', 'victim'), before);
    assert.equal((await call(server, '/api/v1/namespaces/victim', { headers })).code, 403);
  });

  test('a POST to a name makes nothing', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'made' } };
    const answer = await call(server, '/api/v1/namespaces/default/configmaps/made', { method: 'POST', body });
    assert.equal(answer.code, 405);
    const { items } = await server.client().list(gvr.configmaps, { namespace: 'default' });
    assert.deepEqual(
      items.filter(({ metadata }) => metadata.name === 'made'),
      [],
    );
  });

  test('who may not do it is told so first', async () => {
    const answer = await call(server, '/api/v1/namespaces/default/configmaps/x', { method: 'POST', as: 'nobody' });
    assert.equal(answer.code, 403);
  });
});
