import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';
import { HOST_NETWORK, type ProxyNetwork } from './proxy-network.js';

/** In the certificate of every test server, which the node shows. */
const NODE_ADDRESS = '192.0.2.1';
/** Whatever address is asked for: it is on this machine. */
const network: ProxyNetwork = { ...HOST_NETWORK, connect: (_address, port) => connect({ host: '127.0.0.1', port }) };

describe('streams to a node', () => {
  let api: TestServer;
  let node: Server;

  beforeAll(async () => {
    api = await testServer({ proxyNetwork: network });
    node = startNodeServer(api.dataDir);
    await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
    const client = api.client();
    const { port } = node.address() as AddressInfo;
    await makeNode('here', port);
    await makeNode('gone', 1);
    await client.create(gvr.serviceaccounts, 'default', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
    await makePod('one', ['main'], 'here');
    await makePod('two', ['a', 'b'], 'here');
    await makePod('lost', ['main'], 'gone');
    await makePod('waiting', ['main']);
  });
  afterAll(async () => {
    node.closeAllConnections();
    node.close();
    await api.close();
  });

  async function makeNode(name: string, port: number): Promise<void> {
    const client = api.client();
    const made = await client.create(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
    const status = {
      addresses: [{ type: 'InternalIP', address: NODE_ADDRESS }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    };
    await client.update(gvr.nodes, '', { ...made, status }, { subresource: 'status' });
  }

  async function makePod(name: string, containers: string[], nodeName?: string): Promise<void> {
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { nodeName, containers: containers.map((item) => ({ name: item, image: 'x' })) },
    };
    await api.client().create(gvr.pods, 'default', pod);
  }

  async function ask(path: string): Promise<{ code: number; body: string }> {
    const { code, body } = await call(api, `/api/v1/${path}`);
    return { code, body: body.toString() };
  }

  test('logs come from the container that is asked for', async () => {
    const { code, body } = await ask('namespaces/default/pods/one/log?tailLines=5&follow=false');
    assert.equal(code, 200);
    assert.equal(body, 'GET /containerLogs/default/one/main?tailLines=5 as kube-apiserver-kubelet-client');
  });

  test('logs come over a WebSocket, in the encoding that is chosen', async () => {
    const log = 'GET /containerLogs/default/one/main as kube-apiserver-kubelet-client';
    const read = (pod: string, ...protocols: string[]) =>
      new Promise<string>((resolve, reject) => {
        const url = `${api.url.replace(/^http/, 'ws')}/api/v1/namespaces/default/pods/${pod}/log`;
        const socket = new WebSocket(url, protocols, api.tls);
        let received = '';
        socket.on('message', (part) => {
          received += part.toString();
        });
        socket.on('close', () => resolve(received));
        socket.on('error', reject);
      });
    assert.equal(await read('one', 'binary.k8s.io'), log);
    assert.equal(await read('one'), log);
    assert.equal(await read('one', 'base64.binary.k8s.io'), Buffer.from(log).toString('base64'));
    await assert.rejects(read('two', 'binary.k8s.io'), /Unexpected server response: 400/);
  });

  describe('what is asked wrongly gets the words of the reference', () => {
    const table: [path: string, code: number, message: RegExp][] = [
      ['two/log', 400, /^a container name must be specified for pod two, choose one of: \[a b\]$/],
      ['two/log?container=a', 400, /^container "a" in pod "two" is waiting to start: ContainerCreating$/],
      ['two/log?container=c', 400, /^container c is not valid for pod two$/],
      ['one/log?tailLines=-1', 422, /tailLines: Invalid value: -1: must be greater than or equal to 0/],
      ['none/log', 404, /^pods "none" not found$/],
      ['waiting/portforward', 400, /^pod waiting does not have a host assigned$/],
      ['one/exec?stdout=1', 400, /^you must specify at least 1 command for the container$/],
      ['one/exec?command=ls&stdout=1', 400, /^Upgrade request required$/],
      ['lost/log', 500, /error dialing backend: dial tcp 192\.0\.2\.1:1: connect: connection refused/],
    ];
    for (const [path, code, message] of table) {
      test(path, async () => {
        const answer = await ask(`namespaces/default/pods/${path}`);
        assert.equal(answer.code, code, answer.body);
        assert.match(JSON.parse(answer.body).message, message);
      });
    }
  });

  test('the log of a pod without a node is empty', async () => {
    assert.deepEqual(await ask('namespaces/default/pods/waiting/log'), { code: 200, body: '' });
  });

  test('proxies pass on every method', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await call(api, '/api/v1/nodes/here/proxy/x', { method });
      assert.equal(answer.body.toString().split(' as ')[0], `${method} /x`);
    }
    assert.equal((await call(api, '/api/v1/nodes/here/proxy/x', { method: 'HEAD' })).code, 200);
  });

  test('nodes/proxy reaches any path of the node', async () => {
    const { body } = await ask('nodes/here/proxy/stats/summary?only_cpu=true');
    assert.equal(body, 'GET /stats/summary?only_cpu=true as kube-apiserver-kubelet-client');
  });

  test('exec becomes a stream of bytes both ways', async () => {
    const { ca, cert, key } = api.tls;
    const path = '/api/v1/namespaces/default/pods/one/exec?command=cat&stdin=true&stdout=true';
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'v5.channel.k8s.io' };
    const outgoing = httpsRequest(`${api.url}${path}`, { ca, cert, key, agent: false, headers });
    const echoed = await new Promise<string>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('upgrade', (response, socket) => {
        assert.equal(response.headers['x-path'], '/exec/default/one/main?input=1&output=1&command=cat');
        socket.on('data', (part) => {
          resolve(part.toString());
          socket.destroy();
        });
        socket.write('hello');
      });
      outgoing.end();
    });
    assert.equal(echoed, 'hello');
  });
});

/** Says what it was asked and by whom; echoes on upgraded connections. */
function startNodeServer(dataDir: string): Server {
  const pki = (file: string) => readFileSync(join(dataDir, 'pki', file), 'utf8');
  const server = createServer({
    cert: pki('server.crt'),
    key: pki('server.key'),
    ca: pki('ca.crt'),
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/containerLogs/default/two/a')) {
      response.writeHead(400).end('container "a" in pod "two" is waiting to start: ContainerCreating');
      return;
    }
    const peer = (request.socket as TLSSocket).getPeerCertificate();
    response.end(`${request.method} ${request.url} as ${peer.subject.CN}`);
  });
  server.on('upgrade', (request, socket) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Path: ${request.url}\r\n\r\n`,
    );
    socket.pipe(socket);
    socket.on('error', () => socket.destroy());
  });
  return server;
}
