import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { type TestFront, testFront } from '../testing/http-front.js';

const USER = 'Authorization: Bearer ann\r\n';
const PODS = '/api/v1/namespaces/a/pods';

/** What a client may write, and how it looks on the wire. */
const WRITTEN: Record<string, string> = {
  list: head('GET', PODS),
  slow: head('GET', `${PODS}/wait-5`),
  held: head('GET', `${PODS}/held`),
  watch: head('GET', `${PODS}?watch=1`),
  create: `${head('POST', PODS, 'Content-Length: 2\r\n')}{}`,
  unfinished: `${head('POST', PODS, 'Content-Length: 100\r\n')}{`,
  chunked: `${head('PUT', `${PODS}/x`, 'Transfer-Encoding: chunked\r\n')}2\r\n{}\r\n0\r\n\r\n`,
  logs: head('GET', `${PODS}/x/log?follow=1`),
  exec: head('GET', `${PODS}/x/exec`, 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
  vain: head('GET', PODS, 'Connection: Upgrade\r\nUpgrade: h2c\r\n'),
  health: head('GET', '/healthz', '', ''),
  refused: head('GET', PODS, '', ''),
  nothing: head('GET', '/api/v1/constructor'),
  bad: head('GET', '/%zz'),
  leaving: head('GET', PODS, 'Connection: close\r\n'),
  junk: 'nonsense\r\n\r\n',
};

function head(method: string, path: string, more = '', user = USER): string {
  return `${method} ${path} HTTP/1.1\r\nHost: a\r\n${user}${more}\r\n`;
}

/** Nothing is kept of requests that are over; the last of them may be on its way. */
async function settled(front: TestFront): Promise<void> {
  const end = Date.now() + 10_000;
  let found = front.underWay();
  while (Object.values(found).some((value) => value !== 0)) {
    assert.ok(Date.now() < end, JSON.stringify(found));
    await sleep(5);
    found = front.underWay();
  }
}

describe('requests and their connections', () => {
  let front: TestFront;
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);

  beforeAll(async () => {
    process.on('warning', note);
    front = await testFront();
  });
  afterAll(async () => {
    process.off('warning', note);
    await front.close();
    assert.deepEqual(warnings, []);
  });

  async function cutAfter(text: string, ms: number, politely = false): Promise<void> {
    const socket = await front.connect();
    socket.on('error', () => {});
    socket.resume();
    socket.write(text);
    await sleep(ms);
    if (politely) socket.end();
    await sleep(politely ? 20 : 0);
    socket.destroy();
  }

  for (const what of Object.keys(WRITTEN)) {
    test(`400 times "${what}" in one write leave nothing behind`, async () => {
      await cutAfter(WRITTEN[what]!.repeat(400), 20);
      await settled(front);
    });
  }

  test('whatever is written, and whenever the connection ends, nothing is left', async () => {
    const kinds = fc.constantFrom(...Object.keys(WRITTEN));
    const one = fc.record({
      kinds: fc.array(kinds, { minLength: 1, maxLength: 12 }),
      pieces: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
      cutMs: fc.integer({ min: 0, max: 25 }),
      politely: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 6 }), async (connections) => {
        const cut = async ({ kinds, pieces, cutMs, politely }: (typeof connections)[number]) => {
          const text = kinds.map((kind) => WRITTEN[kind]).join('');
          const socket = await front.connect();
          socket.on('error', () => {});
          socket.resume();
          let at = 0;
          for (const piece of [
            ...pieces.map((part) => Math.floor(part * text.length)).sort((a, b) => a - b),
            text.length,
          ]) {
            if (!socket.destroyed && piece > at) socket.write(text.slice(at, piece));
            at = piece;
            await sleep(1);
          }
          await sleep(cutMs);
          if (politely) socket.end();
          else socket.destroy();
          await sleep(10);
          socket.destroy();
        };
        await Promise.all(connections.map(cut));
        await settled(front);
      }),
      { numRuns: 40 },
    );
    assert.equal((front.dispatcher as unknown as { connections: Map<unknown, unknown> }).connections.size, 0);
    const open = await new Promise<number>((resolve) => front.server.getConnections((_, count) => resolve(count)));
    assert.ok(open <= 1, `${open} connections`);
  });

  test('one request of a connection is served at a time, in order', async () => {
    const socket = await front.connect();
    const begun = front.served.length;
    const text = gathered(socket);
    socket.write(
      head('GET', `${PODS}/wait-40`) + WRITTEN.create! + head('GET', `${PODS}/last`, 'Connection: close\r\n'),
    );
    await sleep(15);
    assert.equal(front.served.length, begun + 1);
    assert.equal((await text).match(/HTTP\/1.1 200 OK/g)?.length, 3);
    assert.deepEqual(
      front.served.slice(begun).map(({ request }) => `${request.verb} ${request.name}`),
      ['get wait-40', 'create ', 'get last'],
    );
  });

  test('what is under way is counted until it is over', async () => {
    const table: [what: string, counted: Record<string, number>][] = [
      ['held', { requests: 1, users: 1, streams: 0, apiserver_current_inflight_requests: 1 }],
      ['watch', { requests: 1, users: 1, streams: 1, apiserver_longrunning_requests: 1 }],
      ['exec', { requests: 0, users: 1, streams: 1, apiserver_longrunning_requests: 1 }],
    ];
    for (const [what, counted] of table) {
      const socket = await front.connect();
      socket.write(WRITTEN[what]!);
      for (let i = 0; i < 200 && front.underWay().users === 0; i += 1) await sleep(5);
      assert.deepEqual({ ...front.underWay(), ...counted }, front.underWay(), what);
      socket.destroy();
      await settled(front);
    }
  });

  test('nothing waits behind a request without an end, and no crowd behind one', async () => {
    for (const text of [WRITTEN.watch! + WRITTEN.list!, WRITTEN.held! + WRITTEN.list!.repeat(200)]) {
      const socket = await front.connect();
      socket.on('error', () => {});
      socket.resume();
      socket.write(text);
      await once(socket, 'close');
      await settled(front);
    }
  });

  test('a connection that serves many requests has no more listeners than one that serves one', async () => {
    const socket = await front.connect();
    const ask = async () => {
      socket.write(WRITTEN.list!);
      await once(socket, 'data');
      await settled(front);
    };
    await ask();
    const mine = front.sockets.at(-1)!;
    const counts = () => mine.eventNames().map((name) => [name, mine.listenerCount(name)]);
    await ask();
    const before = counts();
    for (let i = 0; i < 30; i += 1) await ask();
    assert.deepEqual(counts(), before);
    socket.destroy();
  });

  test('an Upgrade header is ignored where nothing upgrades, and the connection ends with the answer', async () => {
    const body = `${head('POST', PODS, 'Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 7\r\n')}{"a":1}`;
    const asked = [
      head('GET', '/healthz', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
      WRITTEN.vain!,
      body,
      head('GET', '/metrics', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
    ];
    for (const text of asked) {
      const socket = await front.connect();
      socket.write(text);
      let answer = '';
      for await (const part of socket) answer += part;
      assert.match(answer, /^HTTP\/1.1 200 OK\r\n(?:.*\r\n)*Connection: close\r\n/);
      await settled(front);
    }
    assert.ok(front.served.some(({ bytes }) => bytes === 7));
  });
});

describe('requests to leave HTTP', () => {
  let front: TestFront;
  beforeAll(async () => {
    front = await testFront();
  });
  afterAll(() => front.close());

  const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

  for (const [path, user, code] of [
    [`${PODS}/x/exec`, '', 403],
    ['/api/v1/pods/x/exec', USER, 404],
    ['/api/v1/namespaces/a/nodes/x/proxy/', USER, 404],
    ['/api/v1/constructor/x/exec', USER, 404],
    ['/api/v1/constructor/x/exec', '', 403],
    ['/%zz', '', 400],
    ['/nothing', '', 403],
  ] as const) {
    test(`${path} by ${user ? 'somebody' : 'nobody'} is ${code}, and its connection does not stay`, async () => {
      const socket = await front.connect({ allowHalfOpen: true });
      socket.on('error', () => {});
      let text = '';
      socket.on('data', (part) => {
        text += part;
      });
      socket.write(head('GET', path, `${UPGRADE}Connection: close\r\n`, user));
      // This end stays open, whatever the other does.
      const end = Date.now() + 20_000;
      const connections = () => new Promise((resolve) => front.server.getConnections((_, count) => resolve(count)));
      while (text === '' || (await connections()) !== 0) {
        assert.ok(Date.now() < end, text);
        await sleep(10);
      }
      assert.match(text, new RegExp(`^HTTP/1.1 ${code} `));
      await settled(front);
      socket.destroy();
    });
  }
});

/** All that comes until the end. */
async function gathered(socket: TLSSocket): Promise<string> {
  let text = '';
  for await (const part of socket) text += part;
  return text;
}
