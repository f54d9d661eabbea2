import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LifecycleHandler } from '#kinds';
import { runHook } from './hooks.js';

describe('a lifecycle hook', () => {
  let server: Server;
  let port: number;
  const asked: string[] = [];
  const runtime = {
    execSync: async (_id: string, [command = '']: string[]) =>
      ({ exitCode: command === 'true' ? 0 : 3, stdout: 'told', stderr: 'warned' }) as never,
  };
  const run = (handler: LifecycleHandler, seconds = 0) =>
    runHook(
      runtime,
      handler,
      {
        containerId: 'c',
        container: { name: 'main', image: 'i', ports: [{ name: 'web', containerPort: port }] },
        podIP: '127.0.0.1',
      },
      seconds,
    );

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers['user-agent']}`);
      if (request.url === '/switch') {
        request.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
        return;
      }
      response.writeHead(request.url === '/bad' ? 500 : 200).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('runs a command', () => run({ exec: { command: ['true'] } }));

  it('says how a command failed', () =>
    assert.rejects(run({ exec: { command: ['false', 'x'] } }), {
      message: `command 'false x' exited with 3: warned, message: "told"`,
    }));

  it('asks for a page', async () => {
    await run({ httpGet: { path: '/good', port: 'web' } });
    assert.deepEqual(asked.splice(0), ['/good kube-lifecycle/1.37']);
    await run({ httpGet: { path: '/bad', port } });
    await assert.rejects(run({ httpGet: { path: '/', port: 'none' } }), /^Error: port "none" not found$/);
  });

  it('is done when the answer switches to another protocol', async () => {
    await run({ httpGet: { path: '/switch', port } });
    assert.equal(asked.splice(0).at(-1), '/switch kube-lifecycle/1.37');
  });

  it('connects', async () => {
    await run({ tcpSocket: { port } });
    await assert.rejects(run({ tcpSocket: { port: 1 } }), /dial tcp 127\.0\.0\.1:1: connect: connection refused/);
  });

  it('sleeps, but not beyond the grace that is left', async () => {
    const begun = performance.now();
    await run({ sleep: { seconds: 100 } }, 0.1);
    const took = performance.now() - begun;
    assert.ok(took >= 95 && took < 2000, `${took} ms`);
  });
});
