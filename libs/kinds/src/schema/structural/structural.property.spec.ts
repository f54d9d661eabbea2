import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { KubeObject } from '#apimachinery';
import { FieldCursor } from '../../validation/field-cursor.js';
import { ObjectForm } from './object-form.js';
import { SchemaFindings } from './schema-findings.js';
import type { StructuralSchema } from './structural.js';
import { ValueSchema } from './value-schema.js';

const name = fc.constantFrom('a', 'b', 'metadata', '__proto__', 'constructor');
const flags = fc.record(
  {
    nullable: fc.boolean(),
    enum: fc.constant(['a', 1, null]),
    minimum: fc.constantFrom(0, -1.5),
    maxLength: fc.constantFrom(0, 3),
    pattern: fc.constantFrom('^a*$', 'b'),
    format: fc.constantFrom('date-time', 'byte', 'int32', 'ipv4', 'no such format'),
    maxItems: fc.constantFrom(0, 2),
    maxProperties: fc.constantFrom(0, 2),
    multipleOf: fc.constantFrom(2, 0.1),
    required: fc.constant(['a']),
  },
  { requiredKeys: [] },
);

/** Any schema: type and conditions need not belong together. */
const { schema } = fc.letrec<{ schema: StructuralSchema }>((tie) => {
  const inner = tie('schema');
  const forms = fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<StructuralSchema>(
      { type: 'string' },
      { type: 'integer' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'object' },
      { type: 'string', default: 'd' },
      { type: 'integer', default: 7 },
      { 'x-kubernetes-int-or-string': true },
      { 'x-kubernetes-preserve-unknown-fields': true },
      { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, 'x-kubernetes-embedded-resource': true },
    ),
    fc.dictionary(name, inner, { maxKeys: 3 }).map((properties) => ({ type: 'object', properties })),
    fc
      .tuple(fc.dictionary(name, inner, { maxKeys: 2 }), fc.constantFrom({}, { a: {} }))
      .map(([properties, value]) => ({ type: 'object', properties, default: value })),
    inner.map((additionalProperties) => ({ type: 'object', additionalProperties })),
    inner.map((items) => ({ type: 'array', items })),
    fc.array(inner, { maxLength: 2 }).map((anyOf) => ({ type: 'object', anyOf })),
  );
  return { schema: fc.tuple(forms, flags).map(([form, more]) => ({ ...more, ...form }) as StructuralSchema) };
});

/** As parsed from JSON; short names are among those of the schemas, `__proto__` too. */
const value = fc.jsonValue({ maxDepth: 4 }).map(renamed);

function renamed(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(renamed);
  if (typeof given !== 'object' || given === null) return given;
  const names = ['', 'a', 'b', '__proto__'];
  return JSON.parse(
    `{${Object.entries(given)
      .map(([key, item]) => `${JSON.stringify(names[key.length] ?? key)}:${JSON.stringify(renamed(item))}`)
      .join()}}`,
  );
}

const copy = <T>(item: T): T => JSON.parse(JSON.stringify(item));

describe('any schema, and any value', () => {
  it('is decoded once and for all', () => {
    fc.assert(
      fc.property(schema, value, (spec, given) => {
        const form = new ObjectForm({ type: 'object', properties: { spec } });
        const { object } = form.decode({ spec: given });
        const first = copy(object);
        const again = form.decode(copy(first));
        assert.deepEqual(again.unknownFields, []);
        assert.deepEqual(again.object, first);
      }),
      { numRuns: 300 },
    );
  });

  it('gets its defaults once and for all', () => {
    fc.assert(
      fc.property(schema, value, (spec, given) => {
        const form = new ObjectForm({ type: 'object', properties: { spec } });
        const object = form.decode({ spec: given }).object as KubeObject;
        form.applyDefaults(object);
        const first = copy(object);
        form.applyDefaults(object);
        assert.deepEqual(copy(object), first);
      }),
      { numRuns: 300 },
    );
  });

  it('is checked to an end, and the same each time', () => {
    fc.assert(
      fc.property(schema, value, (spec, given) => {
        const errors = () => {
          const at = new FieldCursor();
          const found = new SchemaFindings(at, undefined);
          ValueSchema.of(spec).check(at, given, found);
          return found.errors.map(({ field, message }) => `${field}: ${message}`);
        };
        assert.deepEqual(errors(), errors());
      }),
      { numRuns: 300 },
    );
  });
});
