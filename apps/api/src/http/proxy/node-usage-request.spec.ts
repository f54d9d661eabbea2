import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { KubeObject } from '#apimachinery';
import type { ReadNodeUsage } from '../../kinds/usage/usage-scraper.js';
import { type Pki, preparePki } from '../../pki/pki.js';
import { nodeUsageOverHttps } from './node-usage-request.js';

/** Of the node. Whatever is connected to ends at the server of this test. */
const ADDRESS = '192.0.2.7';
const network = {
  resolve: async () => ['127.0.0.1'],
  connect: (_: string, port: number) => connect(port, '127.0.0.1'),
};

describe("asking a node's server for its usage", () => {
  let dataDir: string;
  let pki: Pki;
  let server: Server;
  let read: ReadNodeUsage;
  /** `endless`: milliseconds between pieces of a body that does not end. */
  let answer: { code: number; body: string; endless?: number };
  const asked: string[] = [];
  const connections = new Set<unknown>();
  const { signal } = new AbortController();

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'berth-usage-'));
    pki = await preparePki({
      dataDir,
      serverUrl: 'https://127.0.0.1:6443',
      advertiseAddress: '127.0.0.1',
      serviceClusterIpRange: '10.96.0.0/16',
      clusterDomain: 'cluster.local',
      localNode: { name: 'node-1', ip: ADDRESS },
    });
    const { certificate: cert, key } = pki.agentServer!;
    server = createServer({ cert, key, ca: pki.ca.certificate, requestCert: true }, (request, response) => {
      const socket = request.socket as TLSSocket;
      asked.push(`${socket.getPeerCertificate().subject.CN} ${request.url}`);
      connections.add(socket);
      response.writeHead(answer.code);
      if (answer.endless === undefined) response.end(answer.body);
      else void drip(response, answer.endless);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { ca, kubeletClient } = pki;
    const credentials = { ca: ca.certificate, cert: kubeletClient.certificate, key: kubeletClient.key };
    read = nodeUsageOverHttps(credentials, network, 2_000);
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(dataDir, { recursive: true, force: true });
  });

  async function drip(response: ServerResponse, ms: number): Promise<void> {
    while (!response.destroyed) {
      if (!response.write(answer.body)) await new Promise((resolve) => setTimeout(resolve, 1));
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  const node = (addresses: object[]): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    status: { addresses, daemonEndpoints: { kubeletEndpoint: { Port: (server.address() as AddressInfo).port } } },
  });
  const here = () =>
    node([
      { type: 'Hostname', address: 'nowhere.invalid' },
      { type: 'InternalIP', address: ADDRESS },
    ]);

  test('shows the certificate of this server, to the address that is best, on one connection', async () => {
    answer = { code: 200, body: 'node_cpu_usage_seconds_total 1 2\n' };
    assert.equal(await read(here(), signal), answer.body);
    assert.equal(await read(here(), signal), answer.body);
    assert.deepEqual(asked, Array(2).fill('kube-apiserver-kubelet-client /metrics/resource'));
    assert.equal(connections.size, 1);
  });

  test('a refusal is an error that says so', async () => {
    answer = { code: 401, body: 'Unauthorized' };
    await assert.rejects(read(here(), signal), /\/metrics\/resource of the node answered 401: Unauthorized/);
  });

  test('an answer that is too large, or does not end, is given up', async () => {
    answer = { code: 200, body: 'x'.repeat(1 << 20), endless: 0 };
    await assert.rejects(read(here(), signal), /larger than 2097152 bytes/);
    answer = { code: 200, body: 'x', endless: 50 };
    await assert.rejects(read(here(), signal), /was not there in 2000 ms|aborted/);
    answer = { code: 200, body: 'back' };
    assert.equal(await read(here(), signal), 'back');
  });

  test('a node without addresses, or with another certificate, is not asked', async () => {
    const count = asked.length;
    await assert.rejects(read(node([]), signal), /the node node-1 reports no address/);
    await assert.rejects(read(node([{ type: 'InternalIP', address: '192.0.2.8' }]), signal));
    assert.equal(asked.length, count);
  });

  test('addresses of this machine and of its links are not asked, whoever reports them', async () => {
    const count = asked.length;
    for (const address of ['127.0.0.1', '::1', '169.254.169.254', '0.0.0.0', 'localhost']) {
      await assert.rejects(read(node([{ type: 'InternalIP', address }]), signal), /address not allowed/);
    }
    assert.equal(asked.length, count);
  });
});
