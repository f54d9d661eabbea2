import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { constants, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { SpdyConnection } from './connection.js';
import { HEADER_DICTIONARY } from './dictionary.js';
import {
  dataHeader,
  type Frame,
  FrameDecoder,
  goAwayFrame,
  pingFrame,
  resetFrame,
  synReplyFrame,
  synStreamFrame,
} from './frames.js';
import { HeaderReader, HeaderWriter } from './header-block.js';
import type { SpdyStream } from './stream.js';

const headers = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  fc.string({ maxLength: 300 }).filter((value) => !value.includes('\0')),
  { maxKeys: 12, noNullPrototype: true },
);

describe('SPDY headers', () => {
  it('has the dictionary of draft 3', () => {
    assert.equal(HEADER_DICTIONARY.length, 1423);
    assert.equal(
      createHash('sha256').update(HEADER_DICTIONARY).digest('hex'),
      '51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02',
    );
  });

  it('reads what it writes, over any number of blocks of one connection', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(headers, { minLength: 1, maxLength: 5 }), async (blocks) => {
        const writer = new HeaderWriter();
        const reader = new HeaderReader();
        for (const block of blocks) assert.deepEqual(await reader.decode(writer.encode(block)), block);
        reader.close();
      }),
      { numRuns: 50 },
    );
  });

  it('reads blocks that are really compressed', async () => {
    const plain = Buffer.concat([number(1), number(10), Buffer.from('streamtype'), number(5), Buffer.from('stdin')]);
    const reader = new HeaderReader();
    const block = deflateSync(plain, { dictionary: HEADER_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });
    assert.deepEqual(await reader.decode(block), { streamtype: 'stdin' });
    reader.close();
  });

  it('carries a block larger than a stored one', async () => {
    const reader = new HeaderReader();
    const large = { a: 'x'.repeat(100_000), b: 'y'.repeat(70_000) };
    assert.deepEqual(await reader.decode(new HeaderWriter().encode(large)), large);
    reader.close();
  });

  it('refuses what is no header block', async () => {
    const reader = new HeaderReader();
    await assert.rejects(reader.decode(Buffer.from('not zlib at all')));
    await assert.rejects(reader.decode(Buffer.from('again')));
    const truncated = new HeaderReader();
    const block = deflateSync(Buffer.concat([number(2), number(3), Buffer.from('abc')]), {
      dictionary: HEADER_DICTIONARY,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    await assert.rejects(truncated.decode(block), /ends early/);
  });
});

describe('SPDY frames', () => {
  const id = fc.integer({ min: 1, max: 0x7fffffff });
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  const frame: fc.Arbitrary<[Buffer, Frame]> = fc.oneof(
    fc
      .tuple(id, bytes, fc.boolean())
      .map(([streamId, data, fin]): [Buffer, Frame] => [
        Buffer.concat([dataHeader(streamId, data.length, fin), data]),
        { kind: 'data', streamId, fin, data },
      ]),
    fc
      .tuple(id, bytes, fc.boolean())
      .map(([streamId, block, fin]): [Buffer, Frame] => [
        synStreamFrame(streamId, block, fin),
        { kind: 'synStream', streamId, fin, block },
      ]),
    fc
      .tuple(id, bytes, fc.boolean())
      .map(([streamId, block, fin]): [Buffer, Frame] => [
        synReplyFrame(streamId, block, fin),
        { kind: 'synReply', streamId, fin, block },
      ]),
    fc
      .tuple(id, id)
      .map(([streamId, code]): [Buffer, Frame] => [resetFrame(streamId, code), { kind: 'reset', streamId, code }]),
    id.map((value): [Buffer, Frame] => [pingFrame(value), { kind: 'ping', id: value }]),
    id.map((value): [Buffer, Frame] => [goAwayFrame(value), { kind: 'goAway', lastStreamId: value, code: 0 }]),
  );

  it('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 10 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
        (list, cuts) => {
          const wire = Buffer.concat(list.map(([encoded]) => encoded));
          const decoder = new FrameDecoder();
          const decoded: Frame[] = [];
          for (let at = 0; at < wire.length; ) {
            const size = cuts.next().value!;
            decoded.push(...decoder.push(wire.subarray(at, at + size)));
            at += size;
          }
          assert.deepEqual(
            decoded,
            list.map(([, expected]) => expected),
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  it('of another version are refused', () => {
    assert.throws(() => [...new FrameDecoder().push(Buffer.from('8002000100000000', 'hex'))], /unsupported version 2/);
    assert.throws(() => [...new FrameDecoder().push(Buffer.from('8003000100000000', 'hex'))], /too short/);
  });
});

describe('SPDY connection', () => {
  const open: (() => void)[] = [];
  afterAll(() => {
    for (const close of open) close();
  });

  async function pair(onStream: (stream: SpdyStream) => void): Promise<[SpdyConnection, SpdyConnection]> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address() as { port: number };
    const client = connect(address.port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    server.close();
    open.push(
      () => client.destroy(),
      () => accepted.destroy(),
    );
    return [new SpdyConnection(client, { role: 'client' }), new SpdyConnection(accepted, { role: 'server', onStream })];
  }

  it('opens streams with headers and carries both directions', async () => {
    const [client] = await pair((stream) => {
      assert.deepEqual(stream.headers, { streamtype: 'data', port: '80' });
      stream.pipe(stream);
    });
    const stream = await client.openStream({ streamtype: 'data', port: '80' });
    const data = randomBytes(3 << 20);
    stream.end(data);
    assert.deepEqual(await buffer(stream), data);
    client.close();
    await client.closed;
  });

  it('keeps what came before a reset, as servers close streams by one', async () => {
    const [client] = await pair((stream) => {
      stream.write('last words');
      setImmediate(() => stream.destroy());
    });
    assert.equal(await text(await client.openStream({ streamtype: 'stdout' })), 'last words');
  });

  it('ends streams when the connection breaks, and drops what is written after', async () => {
    const [client, server] = await pair(() => {});
    const stream = await client.openStream({ streamtype: 'stdin' });
    server.close();
    assert.equal(await text(stream), '');
    stream.write('nobody hears');
    await client.closed;
    await assert.rejects(client.openStream({}), /closed/);
  });

  it('is held up by a reader that does not read', async () => {
    const total = 32 << 20;
    let sent = 0;
    const [client] = await pair((stream) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = () => {
        sent += chunk.length;
        stream.write(chunk, sent < total ? more : () => stream.end());
      };
      more();
    });
    const stream = await client.openStream({ streamtype: 'stdout' });
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.ok(sent < total, `sent ${sent}`);
    let received = 0;
    for await (const piece of stream as AsyncIterable<Buffer>) received += piece.length;
    assert.equal(received, total);
  });

  it('rejects a stream that the peer refuses', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as { port: number }).port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    server.close();
    open.push(
      () => client.destroy(),
      () => accepted.destroy(),
    );
    new SpdyConnection(accepted, { role: 'server' });
    await assert.rejects(new SpdyConnection(client, { role: 'client' }).openStream({}), /refused \(status 3\)/);
  });
});

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
