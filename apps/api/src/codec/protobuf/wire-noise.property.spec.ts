import assert from 'node:assert/strict';
import fc from 'fast-check';
import { JsonSyntaxError } from '#apimachinery';
import { allResources } from '#kinds';
import { decodeMessage, decodeMessageSteps, readEnvelope } from './wire-decoder.js';
import { WireError } from './wire-messages.js';

const types = [...new Set(allResources().map(({ schemaName }) => schemaName))].sort();

function varint(number: bigint): Buffer {
  const bytes: number[] = [];
  for (; number >= 0x80n; number >>= 7n) bytes.push(Number(number & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(number)]);
}

const number = fc.integer({ min: 0, max: 20 });
const content = fc.oneof(
  fc.string({ maxLength: 6 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
);

/** Fields one after the other, some of which hold fields. */
const { message } = fc.letrec<{ message: Buffer }>((tie) => ({
  message: fc
    .array(
      fc.oneof(
        { depthSize: 'small' },
        fc
          .tuple(number, fc.bigInt({ min: 0n, max: (1n << 70n) - 1n }))
          .map(([at, value]) => [at, 0, varint(value)] as const),
        fc
          .tuple(number, content)
          .map(([at, bytes]) => [at, 2, Buffer.concat([varint(BigInt(bytes.length)), bytes])] as const),
        fc
          .tuple(number, fc.constantFrom(1, 3, 4, 5, 6, 7), content)
          .map(([at, wire, bytes]) => [at, wire, bytes] as const),
        fc
          .tuple(number, tie('message'))
          .map(([at, bytes]) => [at, 2, Buffer.concat([varint(BigInt(bytes.length)), bytes])] as const),
      ),
      { maxLength: 5 },
    )
    .map((fields) => Buffer.concat(fields.flatMap(([at, wire, bytes]) => [varint(BigInt((at << 3) | wire)), bytes]))),
}));

/** The value, or the error that tells the client what is wrong with its body. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof WireError || error instanceof JsonSyntaxError, (error as Error).stack);
    return error.message;
  }
}

function inSteps(schemaName: string, raw: Buffer): unknown {
  const steps = decodeMessageSteps(schemaName, raw);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

describe('any bytes as protobuf', () => {
  it('are an object of JSON or a fault of the client, at once and in steps', () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.oneof(message, content), (type, raw) => {
        const value = outcome(() => decodeMessage(type, raw));
        assert.deepEqual(
          outcome(() => inSteps(type, raw)),
          value,
        );
        if (typeof value !== 'string') JSON.stringify(value);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused where a time is beyond all calendars', () => {
    // lastTimestamp of an Event: seconds, as a varint.
    const event = (seconds: bigint) => {
      const time = Buffer.concat([Buffer.from([0x08]), varint(seconds)]);
      return Buffer.concat([Buffer.from([0x3a, time.length]), time]);
    };
    const read = (seconds: bigint) => decodeMessage('io.k8s.api.core.v1.Event', event(seconds));
    assert.equal(read(253_402_300_799n)['lastTimestamp'], '9999-12-31T23:59:59Z');
    for (const seconds of [253_402_300_800n, 8_640_000_000_001n, (1n << 63n) - 1n]) {
      assert.throws(() => read(seconds), WireError);
    }
  });

  it('are an envelope or a fault of the client', () => {
    fc.assert(
      fc.property(fc.oneof(message, content), (raw) => {
        outcome(() => readEnvelope(Buffer.concat([Buffer.from('k8s\0'), raw])));
        outcome(() => readEnvelope(raw));
      }),
      { numRuns: 500 },
    );
  });
});
