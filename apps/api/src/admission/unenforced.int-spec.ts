import assert from 'node:assert/strict';
import { type Answer, call, testServer } from '#testing';

const policy = {
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'FlowSchema',
  metadata: { name: 'q' },
  spec: { priorityLevelConfiguration: { name: 'catch-all' } },
};
const policies = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas';
const text = 'Berth does not enforce API Priority and Fairness yet: this object has no effect';
const warned = `299 - "${text}"`;

function is(answer: Answer, code: number, header: string | undefined): void {
  assert.equal(answer.code, code, answer.body.toString());
  assert.equal(answer.headers['warning'], header);
}

describe('what nothing acts on yet', () => {
  test('is told by a Warning header at every write', async () => {
    const server = await testServer();
    try {
      const post = (path: string, body: object) => call(server, path, { method: 'POST', body });
      is(await post(`${policies}?dryRun=All`, policy), 201, warned);
      is(await post(policies, policy), 201, warned);
      is(await call(server, `${policies}/q`, { method: 'PUT', body: policy }), 200, warned);
      const headers = { 'Content-Type': 'application/merge-patch+json' };
      const patch = { method: 'PATCH', headers, body: { metadata: { labels: { a: 'b' } } } };
      is(await call(server, `${policies}/q`, patch), 200, warned);
      const apply = { 'Content-Type': 'application/apply-patch+yaml' };
      const applied = { ...policy, metadata: { name: 'applied' } };
      const path = `${policies}/applied?fieldManager=me`;
      is(await call(server, path, { method: 'PATCH', headers: apply, body: applied }), 201, warned);
      is(await call(server, `${policies}/q`, { method: 'DELETE' }), 200, undefined);
      is(await post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'c' } }), 201, undefined);
    } finally {
      await server.close();
    }
  });

  test('is refused where that was asked for, and the cluster starts all the same', async () => {
    const server = await testServer({ refuseUnenforced: true });
    try {
      for (const query of ['', '?dryRun=All']) {
        const answer = await call(server, `${policies}${query}`, { method: 'POST', body: policy });
        is(answer, 403, undefined);
        assert.equal(
          answer.json.message,
          'flowschemas.flowcontrol.apiserver.k8s.io "q" is forbidden: Berth does not enforce API Priority and Fairness yet, and this server refuses what it does not enforce',
        );
      }
      const schemas = await call(server, '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas');
      assert.ok(schemas.json.items.length > 0);
    } finally {
      await server.close();
    }
  });
});
