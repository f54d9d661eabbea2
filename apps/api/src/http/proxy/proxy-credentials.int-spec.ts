import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';

/** In the certificate of every test server, which the node shows. */
const NODE_ADDRESS = '192.0.2.1';
const KUBELET_CLIENT = 'kube-apiserver-kubelet-client';

describe('what proxies dial, and what they show there', () => {
  let api: TestServer;
  let client: Client;
  const servers: Server[] = [];
  const ports = { kubelet: 0, other: 0, plain: 0 };
  /** Every address that a connection was opened to. */
  const dialed: string[] = [];

  beforeAll(async () => {
    api = await testServer({
      proxyNetwork: {
        resolve: async (name) => (name === 'half.example' ? [NODE_ADDRESS, '127.0.0.1'] : ['127.0.0.1']),
        connect: (address, port) => {
          dialed.push(`${address}:${port}`);
          return connect({ host: '127.0.0.1', port });
        },
      },
    });
    client = api.client();
    const pki = (file: string) => readFileSync(join(api.dataDir, 'pki', file), 'utf8');
    const tls = { cert: pki('server.crt'), key: pki('server.key'), ca: pki('ca.crt') };
    const asksForCertificate = { ...tls, requestCert: true, rejectUnauthorized: false };
    ports.kubelet = await listen(createHttpsServer(asksForCertificate, describeRequest('kubelet')));
    ports.other = await listen(createHttpsServer(asksForCertificate, describeRequest('other')));
    ports.plain = await listen(createHttpServer(describeRequest('plain')));
    await makeNode('here', NODE_ADDRESS);
    await client.create(gvr.serviceaccounts, 'default', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await api.close();
  });
  beforeEach(() => {
    dialed.length = 0;
  });

  async function listen(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  async function makeNode(name: string, address: string, type = 'InternalIP'): Promise<void> {
    const made = await client.create(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
    const daemonEndpoints = { kubeletEndpoint: { Port: ports.kubelet } };
    const status = { addresses: [{ type, address }], daemonEndpoints };
    await client.update(gvr.nodes, '', { ...made, status }, { subresource: 'status' });
  }

  async function makePod(name: string, ip: string): Promise<void> {
    const spec = { nodeName: 'here', containers: [{ name: 'main', image: 'x' }] };
    const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
    const made = await client.create(gvr.pods, 'default', pod);
    const status = { ...made['status'], podIP: ip, podIPs: [{ ip }] };
    await client.update(gvr.pods, 'default', { ...made, status }, { subresource: 'status' });
  }

  const ask = (path: string) => call(api, `/api/v1/${path}`);

  test('the node server’s port gets this server’s certificate, whether it is named or not', async () => {
    for (const id of ['here', `here:${ports.kubelet}`, `https:here:${ports.kubelet}`, `http:here:${ports.kubelet}`]) {
      const { code, body } = await ask(`nodes/${id}/proxy/pods`);
      assert.deepEqual([code, body.toString()], [200, `kubelet by CN=${KUBELET_CLIENT} at /pods`], id);
    }
  });

  test('any other port gets none, by the scheme that is asked for', async () => {
    assert.equal((await ask(`nodes/https:here:${ports.other}/proxy/x`)).body.toString(), 'other by nobody at /x');
    assert.equal((await ask(`nodes/here:${ports.plain}/proxy/x`)).body.toString(), 'plain by nobody at /x');
    assert.equal((await ask(`nodes/http:here:${ports.plain}/proxy/x`)).body.toString(), 'plain by nobody at /x');
    const upgraded = new WebSocket(
      `${api.url.replace(/^http/, 'ws')}/api/v1/nodes/https:here:${ports.other}/proxy/x`,
      api.tls,
    );
    const code = await new Promise((resolve) => {
      upgraded.on('error', () => {});
      upgraded.on('unexpected-response', (_request, response) => resolve(response.headers['x-peer']));
    });
    assert.equal(code, 'nobody');
  });

  test('a detour by the node to this server is nobody’s request', async () => {
    const review = '/proxy/api/v1/namespaces/default/secrets';
    const plain = await ask(`nodes/https:here:${api.port}${review}`);
    assert.equal(plain.code, 403);
    assert.match(plain.json.message, /User "system:anonymous" cannot list resource "secrets"/);
    const spec = { addresses: [{ type: 'InternalIP', address: NODE_ADDRESS }] };
    const made = await client.create(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'mirror' } });
    const status = { ...spec, daemonEndpoints: { kubeletEndpoint: { Port: api.port } } };
    await client.update(gvr.nodes, '', { ...made, status }, { subresource: 'status' });
    assert.equal((await ask(`nodes/mirror${review}`)).code, 401);
  });

  test('this server’s user towards nodes is let in by nodes, and does nothing else', async () => {
    const pki = (file: string) => readFileSync(join(api.dataDir, 'pki', file), 'utf8');
    const as = { cert: pki('kubelet-client.crt'), key: pki('kubelet-client.key') };
    for (const path of ['/api/v1/pods', '/version', '/healthz'])
      assert.equal((await call(api, path, { as })).code, 401);
    const allowed = async (resourceAttributes: Record<string, string>) => {
      const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: {} };
      const spec = { user: KUBELET_CLIENT, groups: ['system:authenticated'], resourceAttributes };
      const answer = await client.create<KubeObject>(gvr.subjectaccessreviews, '', { ...review, spec });
      return answer['status'].allowed as boolean;
    };
    for (const subresource of ['proxy', 'stats', 'metrics', 'log', 'pods', 'healthz', 'configz']) {
      for (const verb of ['get', 'create']) {
        assert.equal(await allowed({ verb, resource: 'nodes', subresource, name: 'here' }), true, subresource);
      }
    }
    assert.equal(await allowed({ verb: 'list', resource: 'secrets' }), false);
    assert.equal(await allowed({ verb: 'create', resource: 'pods', subresource: 'exec' }), false);
    assert.equal(await allowed({ verb: 'delete', resource: 'nodes', name: 'here' }), false);
  });

  test('ports that are none are 400', async () => {
    await makePod('ported', '10.244.0.9');
    for (const port of ['abc', '0', '65536', '99999', '-1', '80x', '1e3', '%2080']) {
      for (const target of [
        `nodes/here:${port}`,
        `nodes/https:here:${port}`,
        `namespaces/default/pods/ported:${port}`,
      ]) {
        assert.equal((await ask(`${target}/proxy/x`)).code, 400, target);
      }
    }
    for (const id of ['ftp:here:80', 'a:b:c:d', ':80', 'http::80']) {
      const answer = await ask(`nodes/${id}/proxy/x`);
      assert.deepEqual([answer.code, answer.json.message], [400, `invalid node request ${JSON.stringify(id)}`]);
    }
    assert.deepEqual(dialed, []);
  });

  test('no address of this host, this link or a group is dialed for a node', async () => {
    const hosts: [address: string, type: string][] = [
      ...['127.0.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1', '::1', 'fe80::1', '::ffff:127.0.0.1'].map(
        (address): [string, string] => [address, 'InternalIP'],
      ),
      ['localhost', 'Hostname'],
      ['half.example', 'InternalDNS'],
    ];
    for (const [index, [address, type]] of hosts.entries()) {
      await makeNode(`odd-${index}`, address, type);
      for (const id of [`odd-${index}`, `https:odd-${index}:${ports.other}`]) {
        const answer = await ask(`nodes/${id}/proxy/x`);
        assert.deepEqual([answer.code, answer.json.message], [400, 'address not allowed'], address);
      }
    }
    assert.deepEqual(dialed, []);
  });

  test('no such address is dialed for a pod', async () => {
    const addresses = ['127.0.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1', '::1', 'fe80::1'];
    for (const [index, address] of addresses.entries()) {
      await makePod(`odd-${index}`, address);
      const answer = await ask(`namespaces/default/pods/https:odd-${index}:${ports.other}/proxy/x`);
      assert.deepEqual([answer.code, answer.json.message], [400, 'address not allowed'], address);
    }
    assert.deepEqual(dialed, []);
    await makePod('good', '10.244.0.7');
    assert.equal((await ask(`namespaces/default/pods/good:${ports.plain}/proxy/x`)).code, 200);
    assert.deepEqual(dialed, [`10.244.0.7:${ports.plain}`]);
  });

  test('of a Service only addresses of its own pods are dialed', async () => {
    await makePod('behind', '10.244.0.8');
    await client.create(gvr.services, 'default', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { ports: [{ port: 80 }] },
    });
    const slice = (endpoint: Record<string, unknown>): KubeObject => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: '', port: ports.plain }],
      endpoints: [endpoint],
    });
    const targetRef = { kind: 'Pod', name: 'behind', namespace: 'default' };
    const refused: Record<string, unknown>[] = [
      { addresses: ['10.244.0.8'] },
      { addresses: ['10.0.0.1'], targetRef },
      { addresses: ['10.244.0.8'], targetRef: { ...targetRef, namespace: 'kube-system' } },
      { addresses: ['10.244.0.8'], targetRef: { ...targetRef, name: 'gone' } },
    ];
    const path = 'namespaces/default/services/web/proxy/x';
    for (const endpoint of refused) {
      await client.create(gvr.endpointslices, 'default', slice(endpoint));
      const answer = await ask(path);
      assert.deepEqual([answer.code, answer.json.message], [503, 'no endpoints available for service "web"']);
      await client.delete(gvr.endpointslices, 'default', 'web-1');
    }
    assert.deepEqual(dialed, []);
    await client.create(gvr.endpointslices, 'default', slice({ addresses: ['10.244.0.8'], targetRef }));
    assert.equal((await ask(path)).body.toString(), 'plain by nobody at /x');
    assert.deepEqual(dialed, [`10.244.0.8:${ports.plain}`]);
    assert.equal((await ask('namespaces/default/services/web:99999/proxy/x')).code, 503);
  });

  test('redirects are handed to the client, never followed', async () => {
    const answer = await ask(`nodes/here:${ports.plain}/proxy/redirect`);
    assert.equal(answer.code, 302);
    assert.equal(dialed.length, 1);
  });
});

/** Says which server was asked, by which certificate and for what. */
function describeRequest(server: string) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const peer = (request.socket as TLSSocket).getPeerCertificate?.().subject;
    const who = peer
      ? Object.entries(peer)
          .map((pair) => pair.join('='))
          .join(',')
      : 'nobody';
    response.setHeader('X-Peer', who);
    if (request.url === '/redirect') response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end();
    else response.end(`${server} by ${who} at ${request.url}`);
  };
}
