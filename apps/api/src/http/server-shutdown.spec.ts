import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { ShutdownOptions } from './https-options.js';
import { type TestFront, testFront } from './testing/http-front.js';

const PODS = '/api/v1/namespaces/a/pods';

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\n\r\n`;
}

/** A connection that has been used, and what came on it. */
class Client {
  text = '';
  readonly ended: Promise<unknown>;

  private constructor(private readonly socket: TLSSocket) {
    this.ended = once(socket, 'close');
    socket.on('data', (part) => {
      this.text += part;
    });
    socket.on('error', () => {});
  }

  static async of(front: TestFront): Promise<Client> {
    return new Client(await front.connect());
  }

  send(path: string): void {
    this.socket.write(get(path));
  }

  /** Answers so far. */
  get codes(): string[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code!);
  }

  async answers(count: number): Promise<void> {
    for (let i = 0; this.codes.length < count; i += 1) {
      assert.ok(i < 1000, `${count} answers, got ${this.text}`);
      await sleep(5);
    }
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i += 1) {
    assert.ok(i < 1000, `never: ${what}`);
    await sleep(5);
  }
}

describe('the end of the server', () => {
  const fronts: TestFront[] = [];
  const started = async (shutdown: ShutdownOptions) => {
    const front = await testFront({ shutdown });
    fronts.push(front);
    return front;
  };
  afterAll(() => Promise.all(fronts.map((front) => front.close())));

  test('a running request finishes, and its connection closes', async () => {
    const front = await started({ delayMs: 0, sendRetryAfter: false });
    const client = await Client.of(front);
    client.send(`${PODS}/wait-2500`);
    await until('it is served', () => front.served.length === 1);
    await front.close();
    await client.ended;
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n.*"status":"Success"/s);
  });

  test('nothing under way holds up the end', async () => {
    const front = await started({ delayMs: 0, sendRetryAfter: false });
    const client = await Client.of(front);
    client.send(PODS);
    await client.answers(1);
    const begun = performance.now();
    await front.close();
    assert.ok(performance.now() - begun < 500);
  });

  test('a watch ends as a whole answer does', async () => {
    const front = await started({ delayMs: 0, sendRetryAfter: false });
    const client = await Client.of(front);
    client.send(`${PODS}?watch=1`);
    await client.answers(1);
    await front.close();
    await client.ended;
    assert.match(client.text, /\r\n\r\n0\r\n\r\n$/);
  });

  test('during the delay everything goes on', async () => {
    const front = await started({ delayMs: 400, sendRetryAfter: false });
    const watcher = await Client.of(front);
    watcher.send(`${PODS}?watch=1`);
    await watcher.answers(1);
    const begun = performance.now();
    const closed = front.close();
    await sleep(100);
    const client = await Client.of(front);
    client.send(PODS);
    await client.answers(1);
    assert.deepEqual(client.codes, ['200']);
    assert.doesNotMatch(watcher.text, /\r\n0\r\n\r\n$/);
    await closed;
    assert.ok(performance.now() - begun >= 400);
  });

  test('after it, new requests on open connections get 503 while others finish', async () => {
    const front = await started({ delayMs: 0, sendRetryAfter: false });
    const [slow, other] = [await Client.of(front), await Client.of(front)];
    slow.send(`${PODS}/wait-400`);
    other.send(`${PODS}/wait-200`);
    await until('both are served', () => front.served.length === 2);
    // The second of a connection has its turn when the first is over.
    other.send(PODS);
    const closed = front.close();
    await sleep(50);
    await assert.rejects(front.connect(), { code: 'ECONNREFUSED' });
    await closed;
    await Promise.all([slow.ended, other.ended]);
    assert.deepEqual([slow.codes, other.codes], [['200'], ['200']], 'the answer said that the connection closes');
    assert.equal(front.served.length, 2);
  });

  test('with retry-after the port stays open, and new requests get 429', async () => {
    const front = await started({ delayMs: 0, sendRetryAfter: true });
    const [slow, watcher] = [await Client.of(front), await Client.of(front)];
    slow.send(`${PODS}/wait-400`);
    watcher.send(`${PODS}?watch=1`);
    await until('both are served', () => front.served.length === 2);
    const closed = front.close();
    await sleep(50);
    for (const path of [PODS, `${PODS}?watch=1`, '/version']) {
      const client = await Client.of(front);
      client.send(path);
      await client.ended;
      assert.match(client.text, /^HTTP\/1\.1 429 .*\r\nRetry-After: 5\r\n.*Connection: close\r\n/s, path);
      assert.match(client.text, /\r\n\r\nThe apiserver is shutting down, please try again later\.\n$/, path);
    }
    const probe = await Client.of(front);
    probe.send('/metrics');
    await probe.answers(1);
    assert.deepEqual(probe.codes, ['200']);
    await closed;
    await slow.ended;
    assert.deepEqual(slow.codes, ['200']);
    assert.match(watcher.text, /\r\n0\r\n\r\n$/);
  });
});
