import assert from 'node:assert/strict';
import fc from 'fast-check';
import { allResources } from '../built-in/resources.js';
import { decodeAs } from './decode.js';
import { type Scalar, type StructType, structType, type TypeRef } from './type-graph.js';

/** Random objects of a type: any field may be there, be null or be missing. */
function objectOf(type: StructType, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of type.fields.values()) {
    if (depth === 0 && field.ref.kind !== 'scalar') continue;
    fields[field.name] = fc.oneof(
      { weight: 8, arbitrary: anyValue(field.ref, depth - 1) },
      { weight: 1, arbitrary: fc.constant(null) },
    );
  }
  return fc.record(fields, { requiredKeys: [] });
}

function anyValue(ref: TypeRef, depth: number): fc.Arbitrary<unknown> {
  switch (ref.kind) {
    case 'scalar':
      return scalarOf(ref.scalar);
    case 'struct':
      return depth < 0 ? fc.constant({}) : objectOf(ref.type, depth);
    case 'list':
      return fc.array(anyValue(ref.item, depth), { maxLength: 2 });
    case 'map':
      return fc.dictionary(fc.constantFrom('a', 'b', 'c'), anyValue(ref.value, depth), { maxKeys: 2 });
    case 'opaque':
      return fc.constantFrom<unknown>({}, { x: [1, null] });
  }
}

function scalarOf(scalar: Scalar): fc.Arbitrary<unknown> {
  switch (scalar) {
    case 'string':
      return fc.string({ maxLength: 4 });
    case 'boolean':
      return fc.boolean();
    case 'double':
      return fc.constantFrom(0, 1.5);
    case 'byte':
      return fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'quantity':
      return fc.constantFrom<unknown>('100m', '0.1', '1Gi', '1024Mi', 3, '0', '1e3', '5u');
    case 'int-or-string':
      return fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant('25%'));
    case 'time':
    case 'micro-time':
      return fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T01:00:00.25+01:00');
    default:
      return fc.integer({ min: -3, max: 3 });
  }
}

const types = [...new Set(allResources().map(({ schemaName }) => schemaName))].sort();
const sample = fc
  .constantFrom(...types)
  .chain((name) => objectOf(structType(name), 4).map((object): [string, Record<string, unknown>] => [name, object]));

describe('decoding any object of a type', () => {
  it('knows all its fields, and is done after one time', () => {
    fc.assert(
      fc.property(sample, ([name, object]) => {
        const first = decodeAs(name, structuredClone(object));
        assert.deepEqual(first.unknownFields, []);
        const second = decodeAs(name, structuredClone(first.object));
        assert.deepEqual(second.object, first.object);
      }),
      { numRuns: 150 },
    );
  });

  it('gives JSON back: nothing undefined, and the same after a trip over the wire', () => {
    fc.assert(
      fc.property(sample, ([name, object]) => {
        const decoded = decodeAs(name, structuredClone(object)).object;
        assert.deepEqual(JSON.parse(JSON.stringify(decoded)), decoded);
      }),
      { numRuns: 100 },
    );
  });
});
