import assert from 'node:assert/strict';
import { type Answer, call, testServer } from '#testing';

const driver = { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'q' }, spec: {} };
const drivers = '/apis/storage.k8s.io/v1/csidrivers';
const text = 'Berth does not use CSI drivers yet: this object has no effect';
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
      is(await post(`${drivers}?dryRun=All`, driver), 201, warned);
      is(await post(drivers, driver), 201, warned);
      const { json } = await call(server, `${drivers}/q`);
      is(await call(server, `${drivers}/q`, { method: 'PUT', body: json }), 200, warned);
      const headers = { 'Content-Type': 'application/merge-patch+json' };
      const patch = { method: 'PATCH', headers, body: { metadata: { labels: { a: 'b' } } } };
      is(await call(server, `${drivers}/q`, patch), 200, warned);
      const apply = { 'Content-Type': 'application/apply-patch+yaml' };
      const applied = { ...driver, metadata: { name: 'applied' } };
      const path = `${drivers}/applied?fieldManager=me`;
      is(await call(server, path, { method: 'PATCH', headers: apply, body: applied }), 201, warned);
      is(await call(server, `${drivers}/q`, { method: 'DELETE' }), 200, undefined);
      is(await post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'c' } }), 201, undefined);
    } finally {
      await server.close();
    }
  });
});
