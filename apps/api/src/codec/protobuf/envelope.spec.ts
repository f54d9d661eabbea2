import assert from 'node:assert/strict';
import { encodeObject, listEnclosure, listNumbers, watchFrame } from './envelope.js';
import { readEnvelope } from './wire-decoder.js';
import { encodeField } from './wire-encoder.js';
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

for (const [apiVersion, metadataTag, itemsNumber] of [
  ['v1', 0x0a, 2],
  ['meta.k8s.io/v1beta1', 0x12, 1],
] as const) {
  test(`a list of ${apiVersion} is as long as it says`, () => {
    const { items } = listNumbers(apiVersion);
    assert.equal(items, itemsNumber);
    const item = encodeField(items, 'meta.v1.LabelSelector', {});
    assert.deepEqual([...item], [items * 8 + 2, 0]);
    const { head, tail } = listEnclosure(apiVersion, 'AnyList', { resourceVersion: '7' }, 2 * item.length);
    const { kind, raw } = readEnvelope(Buffer.concat([head, item, item, tail]));
    assert.equal(kind, 'AnyList');
    assert.equal(
      raw.toString('hex'),
      `${metadataTag === 0x0a ? '0a' : '12'}070a001201371a00${item.toString('hex').repeat(2)}`,
    );
  });
}
