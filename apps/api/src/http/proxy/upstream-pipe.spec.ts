import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { ProxyTarget } from './proxy-target.js';
import { pipeRequest } from './upstream-pipe.js';

async function listening(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

test('another API server gets the audit ID of a request, and the answer has the same', async () => {
  const got: unknown[] = [];
  const upstream = await listening((request, response) => {
    got.push(request.headers['audit-id']);
    response.setHeader('Audit-Id', 'of-the-other');
    response.end('ok');
  });
  const { port } = upstream;
  const target = { host: '127.0.0.1', port, path: '/', secure: false, connect: () => connect(port, '127.0.0.1') };
  const front = await listening((request, response) => {
    void pipeRequest(request, response, target as ProxyTarget, { user: { 'X-Remote-User': 'ann' } });
  });
  const answer = await fetch(`http://127.0.0.1:${front.port}/`, { headers: { connection: 'close' } });
  assert.equal(await answer.text(), 'ok');
  const id = answer.headers.get('audit-id');
  assert.ok(id && id !== 'of-the-other');
  assert.deepEqual(got, [id]);
  for (const { server } of [front, upstream]) server.close();
});
