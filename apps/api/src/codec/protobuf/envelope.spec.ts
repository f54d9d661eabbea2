import assert from 'node:assert/strict';
import { encodeObject, itemHead, listEnclosure, watchFrame } from './envelope.js';
import { readEnvelope } from './wire-decoder.js';
import { WireError } from './wire-messages.js';

const STATUS = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', code: 404 } as const;

test('an object says what it is', () => {
  const { apiVersion, kind } = readEnvelope(encodeObject(STATUS));
  assert.deepEqual([apiVersion, kind], ['v1', 'Status']);
  const hex = encodeObject({ apiVersion: 'v1', kind: 'Pod', metadata: {} } as never).toString('hex');
  assert.ok(hex.startsWith(`6b3873000a090a02763112${'03506f64'}12`), hex);
  assert.ok(hex.endsWith('1a002200'), hex);
});

test('what has no message is refused', () => {
  const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' } };
  assert.throws(() => encodeObject(widget), WireError);
  assert.throws(() => encodeObject({ ...widget, apiVersion: 'meta.k8s.io/v1', kind: 'Table' }), WireError);
});

test('a frame has its length, its type and the object', () => {
  const object = encodeObject(STATUS);
  const frame = watchFrame('ERROR', object);
  assert.equal(frame.readUInt32BE(), frame.length - 4);
  const inner = object.length + 2;
  assert.equal(
    frame.subarray(4, 15).toString('hex'),
    `0a054552524f5212${Buffer.from([inner]).toString('hex')}0a${Buffer.from([object.length]).toString('hex')}`,
  );
  assert.deepEqual(frame.subarray(15), object);
});

for (const [apiVersion, metadataTag, itemsTag] of [
  ['v1', 0x0a, 0x12],
  ['meta.k8s.io/v1beta1', 0x12, 0x0a],
] as const) {
  test(`a list of ${apiVersion} is as long as it says`, () => {
    const item = Buffer.from([0x0a, 0]);
    const part = Buffer.concat([itemHead(apiVersion, item.length), item]);
    assert.deepEqual([...part], [itemsTag, 2, 0x0a, 0]);
    const { head, tail } = listEnclosure(apiVersion, 'AnyList', { resourceVersion: '7' }, 2 * part.length);
    const { kind, raw } = readEnvelope(Buffer.concat([head, part, part, tail]));
    assert.equal(kind, 'AnyList');
    assert.equal(
      raw.toString('hex'),
      Buffer.concat([Buffer.from([metadataTag, 7, 0x0a, 0, 0x12, 1, 0x37, 0x1a, 0]), part, part]).toString('hex'),
    );
  });
}
