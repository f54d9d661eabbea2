import assert from 'node:assert/strict';
import { YamlReader, type YamlReaderOptions } from './yaml-reader.js';

/** Takes seconds to read. */
const SLOW = Buffer.from('#\n'.repeat(500_000));
const good = (i: number) => Buffer.from(`a: ${i}`);

describe('YamlReader', () => {
  const readers: YamlReader[] = [];
  const make = (options: Partial<YamlReaderOptions> = {}) => {
    const reader = new YamlReader(options);
    readers.push(reader);
    return reader;
  };
  afterAll(() => Promise.all(readers.map((reader) => reader.close())));

  it('reads while the event loop turns', async () => {
    const reader = make({ deadlineMs: 60_000 });
    await reader.read(good(0), 'a');
    let turns = 0;
    let reading = true;
    const count = () => {
      turns += 1;
      if (reading) setTimeout(count, 1);
    };
    count();
    assert.deepEqual(await reader.read(SLOW, 'a'), { json: 'null', strict: [] });
    reading = false;
    // It would be one where the text is read in between.
    assert.ok(turns > 20, `${turns} turns`);
  });

  it('gives up what takes too long, and reads what comes next', async () => {
    const reader = make({ deadlineMs: 200 });
    const slow = reader.read(SLOW, 'a');
    const next = reader.read(good(1), 'a');
    await assert.rejects(slow, { code: 413 });
    // A machine that is busy may not even start a thread in so little time.
    const read = await next.catch(() => make().read(good(1), 'a'));
    assert.equal(read.json, '{"a":1}');
  });

  it('gives up what takes too much memory, and reads what comes next', async () => {
    const reader = make({ heapMegabytes: 24, deadlineMs: 60_000 });
    await assert.rejects(reader.read(Buffer.from('- &a x\n'.repeat(200_000)), 'a'), { code: 413 });
    assert.equal((await reader.read(good(2), 'a')).json, '{"a":2}');
  });

  it('gives users their turns', async () => {
    const reader = make();
    const order: string[] = [];
    const read = (user: string) => reader.read(good(0), user).then(() => order.push(user));
    await Promise.all([read('a'), read('a'), read('a'), read('a'), read('b'), read('c')]);
    assert.deepEqual(order, ['a', 'a', 'b', 'c', 'a', 'a']);
  });

  it('refuses more than may wait', async () => {
    const reader = make({ maxWaiting: 2, maxWaitingBytes: 100 });
    const taken = [reader.read(good(0), 'a'), reader.read(good(1), 'a'), reader.read(good(2), 'b')];
    await assert.rejects(reader.read(good(3), 'c'), { code: 429 });
    assert.deepEqual(
      (await Promise.all(taken)).map(({ json }) => json),
      ['{"a":0}', '{"a":1}', '{"a":2}'],
    );
    const long = Buffer.alloc(60, 'x');
    const both = [reader.read(long, 'a'), reader.read(long, 'a')];
    await assert.rejects(reader.read(long, 'a'), { code: 429 });
    await Promise.all(both);
  });
});
