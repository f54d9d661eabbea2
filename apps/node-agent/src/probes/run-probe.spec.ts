import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from '#kinds';
import type { Container } from '../pod/pod.js';
import { ProbeWorker } from './probe-worker.js';
import { type ProbeOutcome, runProbe } from './run-probe.js';

const PAGES: Record<string, (response: ServerResponse, headers: Record<string, unknown>) => void> = {
  '/ok': (response) => response.end('fine'),
  '/teapot': (response) => response.writeHead(418).end('no'),
  '/broken': (response) => response.writeHead(503).end(),
  '/echo': (response, headers) => response.writeHead(headers['x-key'] === 'a, b' ? 200 : 400).end(),
  '/agent': (response, headers) => response.writeHead(headers['user-agent'] === 'kube-probe/1.37' ? 200 : 400).end(),
  '/to-ok': (response) => response.writeHead(302, { location: '/ok' }).end(),
  '/to-teapot': (response) => response.writeHead(302, { location: '/teapot' }).end(),
  '/away': (response) => response.writeHead(302, { location: 'http://elsewhere.invalid/' }).end(),
  '/nowhere': (response) => response.writeHead(302, { location: 'http://[no-address' }).end(),
  '/circle': (response) => response.writeHead(302, { location: '/circle' }).end(),
  '/silent': () => {},
  '/endless': (response) => {
    const more = setInterval(() => response.write('x'.repeat(4096)), 1);
    response.on('close', () => clearInterval(more));
  },
};

const aContainer = (): Container => ({ name: 'main', image: 'i' });
const noRuntime = { execSync: () => Promise.reject(new Error('no runtime')) };

describe('a probe over the network', () => {
  let server: Server;
  let port: number;
  let closed: number;
  const container = (): Container => ({ name: 'main', image: 'i', ports: [{ name: 'web', containerPort: port }] });
  const run = (probe: Probe) =>
    runProbe(noRuntime, probe, { containerId: 'c', container: container(), podIP: '127.0.0.1' });

  beforeAll(async () => {
    server = createServer((request, response) => PAGES[request.url!]?.(response, request.headers));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    closed = (other.address() as AddressInfo).port;
    await new Promise((resolve) => other.close(resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const pages: [path: string, result: ProbeOutcome['result'], output: RegExp][] = [
    ['/ok', 'success', /^fine$/],
    ['ok', 'success', /^fine$/],
    ['/agent', 'success', /^$/],
    ['/to-ok', 'success', /^fine$/],
    ['/away', 'warning', /^Probe terminated redirects, Response body: $/],
    ['/endless', 'success', /^x{10240}$/],
    ['/teapot', 'failure', /^HTTP probe failed with statuscode: 418$/],
    ['/to-teapot', 'failure', /^HTTP probe failed with statuscode: 418$/],
    ['/broken', 'failure', /^HTTP probe failed with statuscode: 503$/],
    ['/nowhere', 'failure', /failed to parse Location header/],
    ['/circle', 'failure', /stopped after 10 redirects/],
    ['/silent', 'failure', /context deadline exceeded/],
  ];
  for (const [path, result, output] of pages) {
    it(`to ${path} is a ${result}`, async () => {
      const outcome = await run({ httpGet: { path, port: 'web' }, timeoutSeconds: 1 });
      assert.equal(outcome.result, result, outcome.output);
      assert.match(outcome.output, output);
    });
  }

  it('that asks for a port which the container does not have says nothing of the container', async () => {
    for (const probe of [{ httpGet: { path: '/ok', port: 'none' } }, { tcpSocket: { port: 'none' } }]) {
      assert.deepEqual(await run(probe), { result: 'error', output: 'port "none" not found' });
    }
  });

  it('sends its headers, repeated ones too', async () => {
    const httpHeaders = ['a', 'b'].map((value) => ({ name: 'X-Key', value }));
    assert.equal((await run({ httpGet: { path: '/echo', port, httpHeaders } })).result, 'success');
  });

  it('by TCP asks whether somebody listens', async () => {
    assert.equal((await run({ tcpSocket: { port: 'web' } })).result, 'success');
    const { result, output } = await run({ tcpSocket: { port: closed } });
    assert.deepEqual([result, output], ['failure', `dial tcp 127.0.0.1:${closed}: connect: connection refused`]);
  });
});

it('a probe by a command knows the values that the spec itself gives', async () => {
  const ran: string[][] = [];
  const runtime = {
    execSync: async (_id: string, command: string[]) => {
      ran.push(command);
      return { exitCode: 0, stdout: '', stderr: '' } as never;
    },
  };
  const env = [
    { name: 'FILE', value: '/tmp/ok' },
    { name: 'FROM', valueFrom: {} },
  ];
  const command = ['cat', '$(FILE)', '$(FROM)', '$(NONE)', '$$(FILE)'];
  await runProbe(runtime, { exec: { command } }, { containerId: 'c', container: { name: 'main', env }, podIP: '' });
  assert.deepEqual(ran, [['cat', '/tmp/ok', '', '$(NONE)', '$(FILE)']]);
});

it('the period of a probe goes from start to start, however long it takes', async () => {
  let now = 0;
  const begun = performance.now();
  await new Promise<void>((resolve) => {
    const worker = new ProbeWorker({
      probe: { periodSeconds: 20 },
      startedAt: 0,
      now: () => now,
      mayRun: () => true,
      run: async () => {
        if (now > 0) {
          worker.stop();
          resolve();
        }
        now += 20_000;
        return { result: 'failure', output: '' };
      },
      onCount: () => {},
      onOutcome: () => {},
      onResult: () => {},
    });
  });
  assert.ok(performance.now() - begun < 10_000);
});

describe('a peer that keeps to no rule', () => {
  /** What it sends to who connects, and again each millisecond if it says so. */
  const peers: [what: string, first: string, then: string, result: ProbeOutcome['result'], output: RegExp][] = [
    [
      'switches to another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
      '',
      'failure',
      /^HTTP probe failed with statuscode: 101$/,
    ],
    ['says 101 and nothing of what to', 'HTTP/1.1 101 No\r\n\r\n', '', 'failure', /statuscode: 101$|deadline exceeded/],
    [
      'says that it would like to switch',
      'HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\nContent-Length: 2\r\n\r\nok',
      '',
      'success',
      /^ok$/,
    ],
    [
      'is never done with its headers',
      'HTTP/1.1 200 OK\r\n',
      `x: ${'y'.repeat(1000)}\r\n`,
      'failure',
      /Header|deadline/i,
    ],
    ['is never ready', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'failure', /deadline exceeded/],
    ['says nothing', '', '', 'failure', /deadline exceeded/],
    ['is slow with its body', 'HTTP/1.1 200 OK\r\n\r\n', 'x', 'failure', /deadline exceeded/],
    ['ends within its body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx', 'end', 'failure', /./],
    ['hangs up', '', 'end', 'failure', /./],
    [
      'sends to itself, with an answer that has no end',
      'HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n',
      'x',
      'failure',
      /./,
    ],
  ];
  for (const [what, first, then, result, output] of peers) {
    it(`and ${what}`, async () => {
      const open = new Set<Socket>();
      const server = createTcpServer((socket) => {
        open.add(socket);
        socket.on('error', () => {}).resume();
        socket.write(first);
        const more = setInterval(() => (then === 'end' ? socket.end() : then && socket.write(then)), 5);
        socket.on('close', () => {
          clearInterval(more);
          open.delete(socket);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      try {
        const probe = { httpGet: { path: '/', port }, timeoutSeconds: 1 };
        const outcome = await runProbe(noRuntime, probe, {
          containerId: 'c',
          container: aContainer(),
          podIP: '127.0.0.1',
        });
        assert.equal(outcome.result, result, outcome.output);
        assert.match(outcome.output, output);
        // Nothing is left behind that the peer could keep busy.
        for (let tries = 0; open.size > 0 && tries < 200; tries++) await sleep(10);
        assert.equal(open.size, 0);
      } finally {
        for (const socket of open) socket.destroy();
        server.close();
      }
    });
  }

  it('and says nothing, or nonsense, to a health check', async () => {
    for (const said of ['', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n']) {
      const open = new Set<Socket>();
      const server = createTcpServer((socket) => {
        open.add(socket.on('error', () => {}).resume());
        socket.write(said);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      try {
        const target = { containerId: 'c', container: aContainer(), podIP: '127.0.0.1' };
        const { result } = await runProbe(noRuntime, { grpc: { port }, timeoutSeconds: 1 }, target);
        assert.equal(result, 'failure');
      } finally {
        for (const socket of open) socket.destroy();
        server.close();
      }
    }
  });

  it('is given as long as the probe says, also when that is many days', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {}).resume();
      setTimeout(() => socket.destroy(), 1500);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const target = { containerId: 'c', container: aContainer(), podIP: '127.0.0.1' };
      // In milliseconds 704 beyond 2^32.
      const { output } = await runProbe(noRuntime, { grpc: { port }, timeoutSeconds: 4_294_968 }, target);
      assert.doesNotMatch(output, /deadline|timeout/);
    } finally {
      server.close();
    }
  });

  it('and never ends a command, or a health check, has failed', async () => {
    const never = { execSync: () => new Promise<never>(() => {}) };
    const target = { containerId: 'c', container: aContainer(), podIP: '127.0.0.1' };
    const outcome = await runProbe(never, { exec: { command: ['x'] }, timeoutSeconds: 0.01 }, target, 10);
    assert.deepEqual(outcome, { result: 'failure', output: 'no answer within 20 ms' });
  });
});

it('a probe with a period or a timeout of many days is no hurry', async () => {
  let asked = 0;
  const worker = new ProbeWorker({
    probe: { periodSeconds: 3_000_000, timeoutSeconds: 3_000_000 },
    startedAt: 0,
    now: () => 0,
    mayRun: () => true,
    run: async () => {
      asked++;
      const runtime = { execSync: () => sleep(50, { exitCode: 0, stdout: '', stderr: '' }) as never };
      const target = { containerId: 'c', container: aContainer(), podIP: '' };
      const outcome = await runProbe(runtime, { exec: { command: ['x'] }, timeoutSeconds: 3_000_000 }, target);
      assert.equal(outcome.result, 'success', outcome.output);
      return outcome;
    },
    onCount: () => {},
    onOutcome: ({ output }) => assert.fail(output),
    onResult: () => {},
  });
  await sleep(200);
  worker.stop();
  assert.equal(asked, 1);
});

it('a probe is asked again whatever became of it', async () => {
  let asked = 0;
  const outcomes: ProbeOutcome[] = [];
  await new Promise<void>((resolve) => {
    const worker = new ProbeWorker({
      probe: { periodSeconds: 0.001 },
      startedAt: 0,
      now: () => 0,
      mayRun: () => {
        if (++asked === 2) throw new Error('broken');
        return true;
      },
      run: async () => {
        if (asked === 1) throw new Error('unexpected');
        worker.stop();
        resolve();
        return { result: 'success', output: '' };
      },
      onCount: () => {},
      onOutcome: (outcome) => outcomes.push(outcome),
      onResult: () => {},
    });
  });
  assert.deepEqual(outcomes, [
    { result: 'error', output: 'unexpected' },
    { result: 'error', output: 'broken' },
  ]);
});

describe('thresholds of a probe', () => {
  const cases: [what: string, probe: Probe, outcomes: string, results: string][] = [
    ['a warning is a success', { successThreshold: 2 }, 'sw', ' s'],
    ['one success is enough, three failures are', {}, 'sfffs', 's  f s'],
    ['as many as it says', { successThreshold: 2, failureThreshold: 1 }, 'ssfss', ' s f s'],
    ['in a row', { failureThreshold: 2 }, 'fsfsff', ' s s  f'],
    ['errors, tried three times each, count for nothing', { failureThreshold: 2 }, 'feeef', '    f'],
  ];
  const NAMES = { s: 'success', w: 'warning', f: 'failure', e: 'error' } as const;
  for (const [what, probe, outcomes, expected] of cases) {
    it(what, async () => {
      const results: string[] = [];
      const queue = [...outcomes] as (keyof typeof NAMES)[];
      let worker: ProbeWorker;
      await new Promise<void>((resolve) => {
        worker = new ProbeWorker({
          probe: { ...probe, periodSeconds: 0.001 },
          startedAt: 0,
          now: () => 0,
          mayRun: () => true,
          run: async () => {
            const next = queue.shift();
            if (next) return { result: NAMES[next], output: '' };
            worker.stop();
            resolve();
            return { result: 'error', output: '' };
          },
          onCount: () => {},
          onOutcome: () => {},
          onResult: (result) => results.push(result[0]!),
        });
      });
      // A result is told each time that the threshold is reached or passed; what counts is the order.
      assert.equal(results.join('').replace(/(.)\1+/g, '$1'), expected.replaceAll(' ', '').replace(/(.)\1+/g, '$1'));
    });
  }
});
