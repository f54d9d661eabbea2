import assert from 'node:assert/strict';
import { type Answer, call, testServer } from '#testing';

const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { pods: '1' } } };
const quotas = '/api/v1/namespaces/default/resourcequotas';
const namespace = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'secure', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
};
const warning = (text: string) => `299 - "${text}"`;
const noQuota = warning('Berth does not enforce ResourceQuota yet: this object has no effect');
const noPodSecurity = warning(
  'Berth does not enforce Pod Security admission yet: the pod-security.kubernetes.io/ labels of this namespace have no effect',
);

function is(answer: Answer, code: number, header: string | undefined): void {
  assert.equal(answer.code, code, answer.body.toString());
  assert.equal(answer.headers['warning'], header);
}

describe('what nothing acts on yet', () => {
  test('is told by a Warning header at every write', async () => {
    const server = await testServer();
    try {
      const post = (path: string, body: object) => call(server, path, { method: 'POST', body });
      is(await post(`${quotas}?dryRun=All`, quota), 201, noQuota);
      is(await post(quotas, quota), 201, noQuota);
      is(await call(server, `${quotas}/q`, { method: 'PUT', body: quota }), 200, noQuota);
      const headers = { 'Content-Type': 'application/merge-patch+json' };
      const patch = { method: 'PATCH', headers, body: { metadata: { labels: { a: 'b' } } } };
      is(await call(server, `${quotas}/q`, patch), 200, noQuota);
      const apply = { 'Content-Type': 'application/apply-patch+yaml' };
      const applied = { ...quota, metadata: { name: 'applied' } };
      const path = `${quotas}/applied?fieldManager=me`;
      is(await call(server, path, { method: 'PATCH', headers: apply, body: applied }), 201, noQuota);
      is(await post('/api/v1/namespaces', namespace), 201, noPodSecurity);
      is(await call(server, `${quotas}/q`, { method: 'DELETE' }), 200, undefined);
      is(await post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'c' } }), 201, undefined);
    } finally {
      await server.close();
    }
  });

  test('is refused where that was asked for, and the cluster starts all the same', async () => {
    const server = await testServer({ refuseUnenforced: true });
    try {
      for (const query of ['', '?dryRun=All']) {
        const answer = await call(server, `${quotas}${query}`, { method: 'POST', body: quota });
        is(answer, 403, undefined);
        assert.equal(
          answer.json.message,
          'resourcequotas "q" is forbidden: Berth does not enforce ResourceQuota yet, and this server refuses what it does not enforce',
        );
      }
      is(await call(server, '/api/v1/namespaces', { method: 'POST', body: namespace }), 403, undefined);
      const plain = { ...namespace, metadata: { name: 'secure' } };
      is(await call(server, '/api/v1/namespaces', { method: 'POST', body: plain }), 201, undefined);
      const schemas = await call(server, '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas');
      assert.ok(schemas.json.items.length > 0);
    } finally {
      await server.close();
    }
  });
});
