import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { allResources, ResourceCatalog } from '#kinds';
import { negotiateOutput } from '../../codec/negotiation.js';
import type { WatchItem } from '../../registry/api-result.js';
import { ResourceTable } from '../../registry/resource-table.js';
import { MemoryStore } from '../../registry/testing/memory-store.js';
import { WatchRenderer } from '../objects/response-renderer.js';
import { type TestFront, testFront } from '../testing/http-front.js';
import type { WatchSink } from './watch-sink.js';
import { streamWatch } from './watch-stream.js';

const WATCH = '/api/v1/namespaces/a/pods?watch=1';
const LINE_BYTES = 100_000;
const LINES = 60;
const UNREAD_MS = 500;
/** One write, and the next that fills the stream's buffer. */
const HELD_BYTES = 2 * 256 * 1024;

const item = (i: number): WatchItem => {
  const line = Buffer.from(`{"type":"ADDED","object":{"i":${i},"x":"${'x'.repeat(LINE_BYTES)}"}}\n`);
  return { type: 'ADDED', line: () => line };
};

async function watching(front: TestFront): Promise<TLSSocket> {
  const socket = await front.connect();
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET ${WATCH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\n\r\n`);
  return socket;
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !what(); i += 1) await sleep(5);
  assert.ok(what());
}

describe('watches that are not read', () => {
  let front: TestFront;
  beforeAll(async () => {
    front = await testFront({ events: [Array.from({ length: LINES }, (_, i) => item(i))], unreadWatchMs: UNREAD_MS });
  });
  afterAll(() => front.close());

  test('hold little, are cut off after a time, and leave nothing behind', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => watching(front)));
    await until(() => front.underWay().streams === clients.length);
    const held = () => front.sockets.map((socket) => socket.writableLength);
    await until(() => held().every((bytes) => bytes > 0));
    for (const bytes of held()) assert.ok(bytes <= HELD_BYTES, `${bytes} bytes are held`);
    await until(() => Object.values(front.underWay()).every((value) => value === 0));
    for (const socket of front.sockets) assert.ok(socket.destroyed);
    for (const socket of clients) socket.destroy();
  });

  test('those that are read get every line, in order, for as long as they want', async () => {
    const socket = await watching(front);
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    socket.resume();
    await until(() => text.includes(`"i":${LINES - 1},`));
    await sleep(2 * UNREAD_MS);
    assert.equal(socket.destroyed, false);
    const numbers = [...text.matchAll(/"i":(\d+),/g)].map(([, i]) => Number(i));
    assert.deepEqual(
      numbers,
      Array.from({ length: LINES }, (_, i) => i),
    );
    socket.destroy();
    await until(() => front.underWay().streams === 0);
  });
});

describe('watches over WebSocket', () => {
  let front: TestFront;
  beforeAll(async () => {
    front = await testFront({ events: [[item(0), item(1)], [item(2)]] });
  });
  afterAll(() => front.close());

  const open = (protocols: string[], headers: Record<string, string> = {}) =>
    new WebSocket(`wss://127.0.0.1:${front.port}${WATCH}`, protocols, { ca: front.ca, headers });

  test('an event is a text message', async () => {
    const bearer = `base64url.bearer.authorization.k8s.io.${Buffer.from('ann').toString('base64url')}`;
    const client = open([bearer, 'watch.test']);
    const messages: unknown[] = [];
    client.on('message', (data, binary) => {
      assert.equal(binary, false);
      messages.push(JSON.parse(String(data)).object.i);
    });
    await once(client, 'open');
    assert.equal(client.protocol, 'watch.test');
    await until(() => messages.length === 3);
    assert.deepEqual(messages, [0, 1, 2]);
    assert.equal(front.underWay().streams, 1);
    client.terminate();
    await until(() => Object.values(front.underWay()).every((value) => value === 0));
  });

  test('who may not watch is told so before the handshake', async () => {
    const client = open([]);
    const [, answer] = await once(client, 'unexpected-response');
    assert.equal(answer.statusCode, 403);
    client.on('error', () => {});
    client.terminate();
    await until(() => Object.values(front.underWay()).every((value) => value === 0));
  });
});

describe('watches that show a part of each object', () => {
  const store = new MemoryStore();
  const resources = new ResourceTable(new ResourceCatalog(allResources()), [], store);
  const entry = resources.find('', 'v1', 'configmaps')!;
  const COUNT = 20;
  for (let i = 0; i < COUNT; i += 1) {
    store.put('configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `a${i}`, namespace: 'a' },
      data: { x: 'x'.repeat(LINE_BYTES) },
    });
  }
  const items = entry.cache.list({})!.items.map((object): WatchItem => ({ type: 'ADDED', object }));

  for (const mediaType of ['application/json', 'application/vnd.kubernetes.protobuf']) {
    test(`read few large objects at a time, and render each once, as ${mediaType}`, async () => {
      const written: number[] = [];
      let counted = 0;
      const sink: WatchSink = {
        closed: false,
        stream: process,
        write: (lines) => written.push(lines.length) > 0,
        end: () => {},
        cut: () => {},
      };
      const format = negotiateOutput(`${mediaType};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`, {
        stream: true,
        converts: true,
        protobuf: true,
      });
      const events = { count: () => (counted += 1) };
      const renderer = new WatchRenderer(entry, format, new URLSearchParams(), { events, complete: () => {} } as never);
      const batches = [items];
      await streamWatch(sink, renderer, { next: async () => batches.shift(), stop: () => {} }, UNREAD_MS);
      assert.deepEqual(
        written,
        Array.from({ length: COUNT / 2 }, () => 2),
      );
      assert.equal(counted, COUNT);
    });
  }
});
