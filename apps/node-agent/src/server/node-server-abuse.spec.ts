import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { silentLogger } from '#client';
import { type NodeServer, startNodeServer } from './node-server.js';
import { TestCertificates } from './testing/certificates.js';
import { FakePods } from './testing/fake-pods.js';
import { FakeRuntime } from './testing/fake-runtime.js';
import { NodeClient } from './testing/node-client.js';
import { ReviewClient } from './testing/review-client.js';

describe('the node server and who means it ill', () => {
  let certificates: TestCertificates;
  let server: NodeServer;
  let runtime: FakeRuntime;
  let client: NodeClient;
  let reviews: ReviewClient;
  let now: number;
  let directory: string;

  beforeAll(async () => {
    certificates = await TestCertificates.create();
    runtime = await FakeRuntime.start();
    reviews = new ReviewClient();
    now = Date.now();
    directory = mkdtempSync(join(tmpdir(), 'berth-node-'));
    const pods = new FakePods();
    pods.add('web', { id: 'running', image: 'web:1' });
    server = await startNodeServer({
      nodeName: 'node-1',
      address: '127.0.0.1',
      port: 0,
      tls: certificates.tls,
      cri: {
        ...runtime.cri,
        containerStatus: async (id: string) => ({ logPath: join(directory, `${id}.log`) }),
      } as any,
      pods,
      client: reviews.client,
      logger: silentLogger,
      nodeLogDirectory: directory,
      now: () => now,
    });
    client = new NodeClient(server.port, certificates.ca, await certificates.issue('CN=admin, O=system:masters'));
  });

  afterAll(async () => {
    await server.close();
    runtime.close();
    certificates.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  beforeEach(() => {
    reviews.allow = () => true;
    // Past the lifetime of every cached answer.
    now += 3_600_000;
  });

  describe('what a stranger may cost', () => {
    const connect = (also: tls.ConnectionOptions = {}): tls.TLSSocket => {
      const options = { host: '127.0.0.1', port: server.port, ca: certificates.ca, ...also };
      return tls.connect({ ...options, servername: 'localhost' }).on('error', () => {});
    };
    /** All that the server says until it hangs up. */
    const raw = async (lines: string[], also: tls.ConnectionOptions = {}): Promise<string> => {
      const socket = connect(also);
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      return text(socket);
    };

    it('is no body: nobody asks for one, and the connection ends with the answer', async () => {
      const post = ['POST /exec/default/web/main HTTP/1.1', 'Host: node', 'Content-Length: 1000000000'];
      const answer = await raw([...post, 'Expect: 100-continue']);
      assert.match(answer, /^HTTP\/1.1 401 Unauthorized/);
      assert.match(await raw(post), /\r\nConnection: close\r\n/i);
      const admin = await certificates.issue('CN=admin, O=system:masters');
      const known = await raw(['GET /healthz HTTP/1.1', 'Host: node', 'Transfer-Encoding: chunked'], admin);
      assert.match(known, /^HTTP\/1.1 200 OK.*\r\nConnection: close\r\n.*ok/is);
    });

    it('is no connection that stays', async () => {
      assert.match(await raw(['GET /pods HTTP/1.1', 'Host: node']), /\r\nConnection: close\r\n/i);
    });

    it('is no long wait', async () => {
      const silent = net.connect(server.port, '127.0.0.1').on('error', () => {});
      const begun = ['', 'GET /pods HTTP/1.1\r\nHost: node\r\nX: ', 'POST /run'].map((text) => {
        const socket = connect();
        socket.write(text);
        return socket;
      });
      await Promise.all([silent, ...begun].map((socket) => once(socket.resume(), 'close')));
    }, 60_000);

    it('is no long header', async () => {
      const answer = await raw(['GET /pods HTTP/1.1', 'Host: node', `X: ${'y'.repeat(17_000)}`]);
      assert.match(answer, /^HTTP\/1.1 431 /);
    });

    it('is not the place of others: open connections take nothing from who is known', async () => {
      writeFileSync(join(directory, 'running.log'), '');
      const follower = await client.open('/containerLogs/default/web/main?follow=true');
      const idle = Array.from({ length: 600 }, () => net.connect(server.port, '127.0.0.1').on('error', () => {}));
      try {
        await Promise.all(idle.map((socket) => once(socket, 'connect')));
        assert.equal((await client.get('/pods')).code, 200);
        const gone = () => idle.filter(({ destroyed }) => destroyed).length;
        for (const socket of idle) socket.resume();
        for (let tries = 0; gone() < 40 && tries < 500; tries++) await sleep(10);
        assert.ok(gone() >= 40, `${gone()} of 600 ended`);
        assert.equal(follower.destroyed, false);
      } finally {
        for (const socket of idle) socket.destroy();
        follower.destroy();
      }
    });
  });

  it('sees a path as the router and authorization alike, however they are written', async () => {
    const forms = (path: string) => [
      path,
      `/.${path}`,
      `//${path.slice(1)}`,
      `/.//${path.slice(1)}`,
      `/x/..//${path.slice(1)}`,
      `/%2e/${path.slice(1)}`,
      `/x/%2e%2e${path}`,
      `/%${path.charCodeAt(1).toString(16)}${path.slice(2)}`,
      path.replace(/(.)\//, '$1%2f'),
      `https://elsewhere${path}`,
    ];
    const paths = { '/logs/': 'log', '/metrics': 'metrics', '/stats/summary': 'stats', '/pods': 'pods' };
    for (const [path, own] of Object.entries(paths)) {
      for (const form of forms(path)) {
        for (const permitted of [true, false]) {
          now += 3_600_000;
          reviews.allow = (_user, _verb, subresource) =>
            permitted === (subresource === own || (own === 'pods' && subresource === 'proxy'));
          const { code } = await client.get(form);
          assert.equal(code === 403, !permitted, `${form}: ${code}`);
        }
      }
    }
  });

  it('answers a WebSocket handshake that is none', async () => {
    const table: [headers: Record<string, string>, answer: RegExp][] = [
      [{ 'Sec-WebSocket-Version': '13' }, /^Error: 400 missing or bad WebSocket key/],
      [{ 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'short' }, /^Error: 400 missing or bad WebSocket key/],
      [{ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' }, /^Error: 426 missing or bad WebSocket Version/],
      [{ 'Sec-WebSocket-Version': '12', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' }, /^Error: 426 /],
    ];
    runtime.calls.length = 0;
    for (const path of [
      '/exec/default/web/main?output=1',
      '/attach/default/web/main?output=1',
      '/portForward/default/web?port=80',
    ]) {
      for (const [headers, answer] of table) {
        await assert.rejects(client.upgrade(path, { Upgrade: 'websocket', ...headers }), answer, path);
      }
    }
    assert.deepEqual(runtime.calls, []);
  });
});
