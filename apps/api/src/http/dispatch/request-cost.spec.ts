import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { type TestFront, testFront } from '../testing/http-front.js';

const PODS = '/api/v1/namespaces/a/pods';
const ANN = 'ann';

interface Asked {
  method?: string;
  path?: string;
  /** Name and groups; undefined: anonymous. */
  user?: string;
  headers?: string;
  body?: string;
}

function written({ method = 'GET', path = PODS, user, headers = '', body = '' }: Asked): string {
  const bearer = user ? `Authorization: Bearer ${user}\r\n` : '';
  return `${method} ${path} HTTP/1.1\r\nHost: a\r\n${bearer}${headers}\r\n${body}`;
}

/** Sends without waiting for anything. */
async function begin(front: TestFront, asked: Asked): Promise<TLSSocket> {
  const socket = await front.connect();
  socket.on('error', () => {});
  socket.write(written(asked));
  return socket;
}

interface Answer {
  code: number;
  head: string;
  text: string;
}

/** One whole answer with a length. */
async function answerOf(socket: TLSSocket): Promise<Answer> {
  let text = '';
  for (;;) {
    const [, head, length] = /^(HTTP\/1.1 .*?content-length: (\d+).*?)\r\n\r\n/is.exec(text) ?? [];
    const body = text.slice((head?.length ?? 0) + 4);
    if (head && body.length >= Number(length)) return { code: Number(head.slice(9, 12)), head, text: body };
    const [part] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [undefined])]);
    assert.ok(part, `the connection ended after ${JSON.stringify(text)}`);
    text += part;
  }
}

async function ask(front: TestFront, asked: Asked): Promise<Answer> {
  const socket = await begin(front, asked);
  const answer = await answerOf(socket);
  socket.destroy();
  return answer;
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !what(); i += 1) await sleep(5);
  assert.ok(what());
}

describe('what a request costs before it is authorized', () => {
  let front: TestFront;
  beforeAll(async () => {
    front = await testFront();
  });
  afterAll(() => front.close());

  const UNFINISHED = { method: 'POST', headers: 'Content-Length: 3000000\r\n', body: '{' };

  test('a body is not waited for: who may not send it is told so at once', async () => {
    const { code, text } = await ask(front, UNFINISHED);
    assert.equal(code, 403);
    assert.equal(JSON.parse(text).reason, 'Forbidden');
    assert.deepEqual(front.served, []);
  });

  test('requests that are refused take no slot, however many, and their bodies no memory', async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => begin(front, UNFINISHED)));
    await Promise.all(sockets.map(answerOf));
    const { requests, streams, ...others } = front.underWay();
    assert.equal(streams, 0);
    assert.deepEqual([...new Set(Object.values(others))], [0], JSON.stringify(others));
    assert.equal(
      (await ask(front, { method: 'POST', user: ANN, headers: 'Content-Length: 2\r\n', body: '{}' })).code,
      200,
    );
    for (const socket of sockets) socket.destroy();
  });

  test('what is refused is not counted, and what clients write is no label', async () => {
    const odd = (i: number, user?: string): Asked[] => [
      { path: `/apis/g${i}/v1/x?watch=1`, user },
      { path: `/api/v1/x${i}/y/z${i}`, user },
      { path: `${PODS}?dryRun=d${i}`, user },
      { path: `${PODS}/x/s${i}`, user },
      { path: `/none${i}`, user },
      { path: `/api/v1/namespaces/n${i}/secrets`, user },
      { method: 'PROPFIND', path: `${PODS}/x${i}`, user },
      { method: 'PATCH', path: `/none${i}`, user },
    ];
    const series = async () => (await front.metricsText()).split('\n').length;
    const before = await series();
    for (const asked of odd(0)) assert.equal((await ask(front, asked)).code, 403);
    assert.equal(await series(), before);
    for (const asked of odd(1, ANN)) await ask(front, asked);
    const bound = await series();
    for (let i = 2; i < 30; i += 1) for (const asked of odd(i, ANN)) await ask(front, asked);
    assert.equal(await series(), bound);
    assert.match(await front.metricsText(), /resource="other"/);
    assert.doesNotMatch(await front.metricsText(), /g1|x1|d1|s1|none1|PROPFIND/);
  });

  test('who asks before sending a body is asked for it only when it is wanted', async () => {
    const headers = 'Expect: 100-continue\r\nContent-Length: 2\r\n';
    const refused = await ask(front, { method: 'POST', headers });
    assert.equal(refused.code, 403);
    assert.match(refused.head, /connection: close/i);
    const socket = await begin(front, { method: 'POST', user: ANN, headers });
    const [part] = await once(socket, 'data');
    assert.equal(String(part), 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('{}');
    assert.equal((await answerOf(socket)).code, 200);
    socket.destroy();
  });

  test('a client that connects and says nothing is not kept', async () => {
    const impatient = await testFront({ handshakeTimeoutMs: 50 });
    await once(connect(impatient.port, '127.0.0.1'), 'close');
    await impatient.close();
  });
});

describe('who sends nothing of themselves on a connection', () => {
  async function codes(front: TestFront, paths: string[]): Promise<number[]> {
    const socket = await front.connect();
    const found: number[] = [];
    for (const path of paths) {
      socket.write(written({ path }));
      found.push((await answerOf(socket)).code);
    }
    socket.destroy();
    return found;
  }

  test('is found out once', async () => {
    const front = await testFront();
    assert.deepEqual(await codes(front, ['/healthz', PODS, '/healthz']), [200, 403, 200]);
    assert.deepEqual(front.identified, ['/healthz']);
    await front.close();
  });

  test('is found out for each path where one may be anonymous for some only', async () => {
    const front = await testFront({ anonymousPath: '/healthz' });
    const paths = ['/healthz', '/healthz', PODS, '/healthz'];
    assert.deepEqual(await codes(front, paths), [200, 200, 401, 200]);
    assert.deepEqual(front.identified, paths);
    await front.close();
  });
});

describe('a defect of the server', () => {
  let front: TestFront;
  beforeAll(async () => {
    front = await testFront();
  });
  afterAll(() => front.close());

  test('is answered 500, and logged with the id that the client was given', async () => {
    const { code, head } = await ask(front, { path: `${PODS}/broken?x=secret`, user: ANN });
    assert.equal(code, 500);
    const { error, ...fields } = front.errors[0]!;
    const auditID = /^audit-id: (\S+)/im.exec(head)![1];
    assert.deepEqual(fields, { auditID, method: 'GET', path: `${PODS}/broken` });
    assert.match(String((error as Error).stack), /a defect\n/);
  });

  test('is not what a refusal is taken for', async () => {
    assert.equal((await ask(front, {})).code, 403);
    assert.equal(front.errors.length, 1);
  });
});

describe('bodies that are too large', () => {
  let front: TestFront;
  beforeAll(async () => {
    front = await testFront();
  });
  afterAll(() => front.close());

  const block = 'x'.repeat(64 * 1024);
  for (const [what, headers, wrapped] of [
    ['with a length', 'Content-Length: 8388608\r\nConnection: close\r\n', block],
    ['in chunks', 'Transfer-Encoding: chunked\r\nConnection: close\r\n', `10000\r\n${block}\r\n`],
  ] as const) {
    test(`${what}: 413 reaches a client that is still sending`, async () => {
      const socket = await begin(front, { method: 'POST', user: ANN, headers });
      const answer = answerOf(socket);
      let sent = 0;
      // Nothing is read before a good part is written.
      socket.pause();
      for (; sent < 100 && !socket.destroyed; sent += 1)
        if (!socket.write(wrapped)) await Promise.race([once(socket, 'drain'), sleep(50)]);
      socket.resume();
      const { code, text } = await answer;
      assert.equal(code, 413);
      assert.match(JSON.parse(text).message, /limit is 3145728/);
      socket.destroy();
      await until(() => Object.values(front.underWay()).every((value) => value === 0));
    });
  }
});

describe('the time that a request may take', () => {
  const LIMIT_MS = 400;
  let front: TestFront;
  beforeAll(async () => {
    front = await testFront({ requestTimeoutMs: LIMIT_MS });
  });
  afterAll(() => front.close());

  const isTimeout = ({ code, text }: Answer) => {
    assert.equal(code, 504);
    const { reason, message, status } = JSON.parse(text);
    assert.deepEqual([status, reason], ['Failure', 'Timeout']);
    assert.equal(message, 'Timeout: request did not complete within the allotted timeout');
  };

  test('bounds a body that does not come', async () => {
    const socket = await begin(front, { method: 'POST', user: ANN, headers: 'Content-Length: 2\r\n', body: '{' });
    isTimeout(await answerOf(socket));
    // Its client was told that nothing came of it.
    socket.write('}');
    await until(() => Object.values(front.underWay()).every((value) => value === 0));
    assert.deepEqual(front.served, []);
    socket.destroy();
  });

  test('bounds whoever serves it, and tells it', async () => {
    isTimeout(await ask(front, { path: `${PODS}/held`, user: ANN }));
    assert.equal(front.served.at(-1)!.request.lifetime.signal.aborted, true);
    await until(() => Object.values(front.underWay()).every((value) => value === 0));
  });

  test('is shorter when the client says so, in a duration', async () => {
    const begun = Date.now();
    isTimeout(await ask(front, { path: `${PODS}/held?timeout=20ms`, user: ANN }));
    assert.ok(Date.now() - begun < LIMIT_MS);
    assert.equal((await ask(front, { path: `${PODS}/x?timeout=1h`, user: ANN })).code, 200);
    const bad = await ask(front, { path: `${PODS}/x?timeout=soon`, user: ANN });
    assert.equal(bad.code, 400);
    assert.match(
      JSON.parse(bad.text).message,
      /^invalid timeout specified in the request URL - time: invalid duration "soon"/,
    );
  });

  test('does not bound watches and streams', async () => {
    for (const path of [`${PODS}?watch=1`, `${PODS}/x/log?follow=1`]) {
      const socket = await begin(front, { path, user: ANN });
      await until(() => front.underWay().streams === 1);
      await sleep(2 * LIMIT_MS);
      assert.equal(front.underWay().streams, 1, path);
      socket.destroy();
      await until(() => front.underWay().streams === 0);
    }
  });
});

describe('slots', () => {
  let front: TestFront;
  beforeAll(async () => {
    front = await testFront({ slots: { reads: 8, writes: 8, streamsOfOneUser: 3 } });
  });
  afterAll(() => front.close());

  const NODE = 'system:node:x system:nodes';
  const CONTROLLER = 'system:serviceaccount:kube-system:job-controller system:serviceaccounts:kube-system';

  test('one user opens no more streams than it may, and others open theirs', async () => {
    const watch = (user: string) => begin(front, { path: `${PODS}?watch=1`, user });
    const sockets: TLSSocket[] = [];
    for (const user of [ANN, ANN, ANN, 'bob', ...Array(5).fill('root system:masters')]) sockets.push(await watch(user));
    await until(() => front.underWay().streams === 9);
    assert.equal((await ask(front, { path: `${PODS}?watch=1`, user: ANN })).code, 429);
    sockets[0]!.destroy();
    await until(() => front.underWay().streams === 8);
    sockets.push(await watch(ANN));
    await until(() => front.underWay().streams === 9);
    for (const socket of sockets) socket.destroy();
    await until(() => Object.values(front.underWay()).every((value) => value === 0));
  });

  for (const [what, asked] of [
    ['reads', { path: `${PODS}/held` }],
    ['writes', { method: 'PUT', path: `${PODS}/held`, headers: 'Content-Length: 2\r\n', body: '{}' }],
  ] as [string, Asked][]) {
    test(`${what} of one user and of all leave the others theirs`, async () => {
      const sockets: TLSSocket[] = [];
      const gauge = () => front.underWay().apiserver_current_inflight_requests!;
      const hold = async (user: string) => {
        const count = gauge();
        sockets.push(await begin(front, { ...asked, user }));
        await until(() => gauge() === count + 1);
      };
      const refused = async (user: string) => {
        const { code, head, text } = await ask(front, { ...asked, user });
        assert.equal(code, 429, user);
        assert.match(head, /retry-after: 1/i);
        assert.equal(JSON.parse(text).reason, 'TooManyRequests');
      };
      for (let i = 0; i < 2; i += 1) await hold(ANN);
      await refused(ANN);
      for (const user of ['bob', 'bob', 'cy', 'cy', 'dan', 'dan']) await hold(user);
      await refused('eve');
      for (let i = 0; i < 2; i += 1) for (const user of [NODE, CONTROLLER]) await hold(user);
      await refused(NODE);
      await hold('system:node:y system:nodes');
      for (let i = 0; i < 20; i += 1) await hold('root system:masters');
      for (const user of [undefined, ANN]) assert.equal((await ask(front, { path: '/healthz', user })).code, 200);
      for (const socket of sockets) socket.destroy();
      await until(() => Object.values(front.underWay()).every((value) => value === 0));
      await hold('eve');
      sockets.at(-1)!.destroy();
      await until(() => gauge() === 0);
    });
  }
});
