import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isNotFound, type KubeObject } from '#apimachinery';
import { MetricsRegistry } from '#telemetry';
import { HttpClient } from './http-client.js';
import { Connections, HttpTransport } from './http-transport.js';

const PODS = { group: '', version: 'v1', resource: 'pods' };
const DEPLOYMENTS = { group: 'apps', version: 'v1', resource: 'deployments' };

let server: Server | undefined;
let client: HttpClient | undefined;
let metrics: MetricsRegistry;

async function serve(handler: (request: IncomingMessage, response: ServerResponse, body: string) => void) {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => handler(request, response, body));
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  metrics = new MetricsRegistry();
  const config = { server: `http://127.0.0.1:${port}`, token: 'secret', namespace: 'default' };
  client = new HttpClient(config, { metrics });
  return client;
}

afterEach(() => {
  client?.close();
  server?.closeAllConnections();
  server?.close();
});

const pod = (name: string, resourceVersion = '1'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name, resourceVersion },
});

describe('HttpClient', () => {
  it('counts the time for an answer from when a request has a connection', async () => {
    const { transport } = await serve((_request, response) => {
      setTimeout(() => response.end(JSON.stringify(pod('a'))), 600);
    });
    const slow = new HttpTransport(transport.config, { timeout: 3000 });
    const path = '/api/v1/namespaces/ns/pods/a';
    try {
      // Six times what the connections can take at once: the last ones have their answer after 3.6 s.
      const requests = Array.from({ length: 6 * 64 }, () => slow.request({ method: 'POST', path }));
      const answers = await Promise.all(requests);
      assert.ok(answers.every(({ status }) => status === 200));
    } finally {
      slow.close();
    }
  });

  it('shares connections with others that are told to, each with credentials of its own', async () => {
    const sockets = new Set<unknown>();
    const users: unknown[] = [];
    const { transport } = await serve(({ socket, headers }, response) => {
      sockets.add(socket);
      users.push(headers['impersonate-user']);
      response.end(JSON.stringify(pod('a')));
    });
    const connections = new Connections(transport.config);
    for (const user of ['first', 'second']) {
      const impersonate = { user, groups: [] };
      await new HttpClient({ ...transport.config, impersonate }, { connections }).get(PODS, 'ns', 'a');
    }
    connections.close();
    assert.deepEqual(users, ['first', 'second']);
    assert.equal(sockets.size, 1);
  });

  it('sends verbs, paths, queries, credentials and bodies as the API has them', async () => {
    const seen: string[] = [];
    const client = await serve((request, response, body) => {
      seen.push(`${request.method} ${request.url} ${request.headers['content-type'] ?? '-'} ${body}`);
      assert.equal(request.headers.authorization, 'Bearer secret');
      response.end(JSON.stringify(pod('a')));
    });
    await client.get(DEPLOYMENTS, 'ns', 'web', 'scale');
    await client.create(PODS, 'ns', pod('a'), { name: 'a', subresource: 'binding', fieldManager: 'm' });
    await client.patch(PODS, 'ns', 'a', 'application/merge-patch+json', { a: 1 }, { subresource: 'status' });
    await client.delete(PODS, 'ns', 'a', { gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
    await client.list(PODS, { labelSelector: 'a=b,c in (d)', limit: 5 });
    assert.deepEqual(seen, [
      'GET /apis/apps/v1/namespaces/ns/deployments/web/scale - ',
      `POST /api/v1/namespaces/ns/pods/a/binding?fieldManager=m application/json ${JSON.stringify(pod('a'))}`,
      'PATCH /api/v1/namespaces/ns/pods/a/status application/merge-patch+json {"a":1}',
      'DELETE /api/v1/namespaces/ns/pods/a application/json {"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"preconditions":{"uid":"u"}}',
      'GET /api/v1/pods?labelSelector=a%3Db%2Cc+in+%28d%29&limit=5 - ',
    ]);
  });

  it('counts requests by method and code, and those that got no answer', async () => {
    const client = await serve((request, response) => {
      if (request.method === 'DELETE') request.socket.destroy();
      else response.end(JSON.stringify(pod('a')));
    });
    await client.get(PODS, 'default', 'a');
    await client.update(PODS, 'default', pod('a'));
    await assert.rejects(client.delete(PODS, 'default', 'a'));
    const counted = metrics
      .samples()
      .filter(({ metricName }) => metricName === 'rest_client_requests_total')
      .map(({ labels, value }) => `${labels['method']} ${labels['code']} ${value}`);
    assert.deepEqual(counted, ['GET 200 1', 'PUT 200 1', 'DELETE <error> 1']);
  });

  it('gives frozen objects', async () => {
    const client = await serve((_request, response) => response.end(JSON.stringify(pod('a'))));
    const object = await client.get(PODS, 'default', 'a');
    assert.throws(() => {
      object.metadata.name = 'b';
    }, TypeError);
  });

  it('throws the Status of a failure, and makes one of an answer that is none', async () => {
    const client = await serve((request, response) => {
      if (request.url!.endsWith('/a')) {
        response.writeHead(404);
        response.end(JSON.stringify({ kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 }));
      } else {
        response.writeHead(500);
        response.end('oops');
      }
    });
    await assert.rejects(client.get(PODS, 'default', 'a'), isNotFound);
    await assert.rejects(client.get(PODS, 'default', 'b'), { code: 500, reason: 'InternalError' });
  });

  it('reads again when the connection breaks, but never writes twice', async () => {
    let requests = 0;
    const client = await serve((request, response) => {
      requests++;
      if (request.method === 'POST' || requests === 1) request.socket.destroy();
      else response.end(JSON.stringify(pod('a')));
    });
    assert.equal((await client.get(PODS, 'default', 'a')).metadata.name, 'a');
    assert.equal(requests, 2);
    await assert.rejects(client.create(PODS, 'default', pod('a')), { name: 'ConnectionError' });
    assert.equal(requests, 3);
  });

  it('comes again when the server sheds load', async () => {
    let requests = 0;
    const client = await serve((_request, response) => {
      if (++requests === 1) {
        response.writeHead(429, { 'retry-after': '0.01' });
        response.end('{}');
      } else response.end(JSON.stringify(pod('a')));
    });
    await client.create(PODS, 'default', pod('a'));
    assert.equal(requests, 2);
  });

  it('leaves nothing of a watch that ended on the connection, which the next one takes', async () => {
    const client = await serve((_request, response) =>
      response.end(`${JSON.stringify({ type: 'ADDED', object: pod('a') })}\n`),
    );
    let connections = 0;
    server!.on('connection', () => connections++);
    const warnings: string[] = [];
    const warned = ({ name, message }: Error) => warnings.push(`${name}: ${message}`);
    process.on('warning', warned);
    try {
      for (let round = 0; round < 15; round++) {
        for await (const { object } of client.watch(PODS)) assert.equal(object.metadata.name, 'a');
        await nextTurn();
      }
    } finally {
      process.off('warning', warned);
    }
    assert.deepEqual([connections, warnings], [1, []]);
  });

  it('decodes watch events that chunks split anywhere, and ends with the signal', async () => {
    const text = ['a', 'b', 'ü'].map((name) => `${JSON.stringify({ type: 'ADDED', object: pod(name) })}\n`).join('');
    const bytes = Buffer.from(text);
    const client = await serve(async (_request, response) => {
      for (let at = 0; at < bytes.length; at += 7) {
        response.write(bytes.subarray(at, at + 7));
        if (at % 21 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const stop = new AbortController();
    const names: string[] = [];
    for await (const event of client.watch(PODS, { signal: stop.signal })) {
      names.push(event.object.metadata.name!);
      if (names.length === 3) stop.abort();
    }
    assert.deepEqual(names, ['a', 'b', 'ü']);
  });

  it('throws an in-stream ERROR', async () => {
    const status = { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 };
    const client = await serve((_request, response) => {
      response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    });
    await assert.rejects(
      async () => {
        for await (const _ of client.watch(PODS)) assert.fail('no event');
      },
      { code: 410 },
    );
  });
});
