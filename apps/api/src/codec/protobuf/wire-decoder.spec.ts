import assert from 'node:assert/strict';
import { decodeMessage, decodeMessageSteps } from './wire-decoder.js';
import { WireError } from './wire-messages.js';

/** A field that has a length. */
function bytes(field: number, content: string | Buffer): Buffer {
  const value = Buffer.from(content as string);
  const length: number[] = [];
  for (let rest = value.length; ; rest >>>= 7) {
    length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) break;
  }
  const tag = (field << 3) | 2;
  return Buffer.concat([
    Buffer.from(tag < 0x80 ? [tag, ...length] : [(tag & 0x7f) | 0x80, tag >> 7, ...length]),
    value,
  ]);
}

function inSteps(schemaName: string, raw: Buffer): { value: unknown; pauses: number } {
  const steps = decodeMessageSteps(schemaName, raw);
  for (let pauses = 0; ; pauses += 1) {
    const { done, value } = steps.next();
    if (done) return { value, pauses };
  }
}

const repeated = (count: number, make: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

describe('large protobuf', () => {
  const container = (i: number) =>
    bytes(2, Buffer.concat([bytes(1, `c${i}`), repeated(i === 7 ? 5000 : 2, (k) => bytes(7, bytes(1, `E${k}`)))]));
  const fields = Buffer.from(JSON.stringify({ 'f:data': { 'f:a': {}, 'f:b': {} } }));
  const metadata = Buffer.concat([
    bytes(1, 'many'),
    repeated(5000, (i) => bytes(11, Buffer.concat([bytes(1, `k${i}`), bytes(2, 'v')]))),
    bytes(17, Buffer.concat([bytes(1, 'm'), bytes(7, bytes(1, fields))])),
  ]);

  it('is read in slices, to the same end', () => {
    const pod = Buffer.concat([bytes(1, metadata), bytes(2, repeated(2000, container))]);
    const { value, pauses } = inSteps('io.k8s.api.core.v1.Pod', pod);
    assert.deepEqual(value, decodeMessage('io.k8s.api.core.v1.Pod', pod));
    assert.equal((value as any).spec.containers[7].env.length, 5000);
    assert.ok(pauses > 5, `${pauses} pauses`);

    const data = repeated(20_000, (i) => bytes(2, Buffer.concat([bytes(1, `k${i}`), bytes(2, 'v')])));
    const map = inSteps('io.k8s.api.core.v1.ConfigMap', Buffer.concat([bytes(1, metadata), data]));
    assert.equal(Object.keys((map.value as any).data).length, 20_000);
    assert.ok(map.pauses > 5, `${map.pauses} pauses`);
  });

  it('is read in slices also where it is the value of a map or one of two forms', () => {
    const schema = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
    const required = repeated(50_000, (i) => bytes(23, `r${i}`));
    const forms: [form: string, of: (below: Buffer) => Buffer][] = [
      ['properties', (below) => bytes(29, Buffer.concat([bytes(1, 'a'), bytes(2, below)]))],
      ['items', (below) => bytes(24, bytes(1, below))],
      ['items of several', (below) => bytes(24, bytes(2, below))],
      ['additionalProperties', (below) => bytes(30, bytes(2, below))],
      ['dependencies', (below) => bytes(32, Buffer.concat([bytes(1, 'a'), bytes(2, bytes(1, below))]))],
    ];
    for (const [form, of] of forms) {
      const message = of(required);
      const { value, pauses } = inSteps(schema, message);
      assert.deepEqual(value, decodeMessage(schema, message), form);
      assert.ok(JSON.stringify(value).includes('"r49999"'), form);
      assert.ok(pauses > 5, `${form}: ${pauses} pauses`);
    }
  });

  it('is refused where it is cut off', () => {
    const pod = bytes(2, repeated(2000, container));
    assert.throws(() => inSteps('io.k8s.api.core.v1.Pod', pod.subarray(0, -3)), WireError);
    assert.throws(() => inSteps('io.k8s.api.core.v1.Pod', Buffer.concat([pod, Buffer.from([0x12, 0x05])])), WireError);
  });
});

describe('messages in each other', () => {
  /** Schemas that are the items of each other. */
  const nested = (levels: number) => {
    let schema: Buffer = Buffer.alloc(0);
    for (let i = 0; i < levels; i += 1) schema = bytes(24, bytes(1, schema));
    return schema;
  };
  const name = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

  it('are read to a depth that any schema has', () => {
    let schema: any = decodeMessage(name, nested(100));
    for (let i = 0; i < 100; i += 1) schema = schema.items;
    assert.deepEqual(schema, {});
  });

  it('are refused beyond it, also where they are read in slices', () => {
    const refusal = { name: 'WireError', message: 'exceeded max depth' };
    assert.throws(() => decodeMessage(name, nested(300)), refusal);
    assert.throws(() => inSteps(name, nested(5000)), refusal);
  });
});
