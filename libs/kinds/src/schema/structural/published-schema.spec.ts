import assert from 'node:assert/strict';
import { describedRef, publishedSchema } from './published-schema.js';
import type { StructuralSchema } from './structural.js';

const open = { 'x-kubernetes-preserve-unknown-fields': true };
const text = { type: 'string' };
const intOrString = { 'x-kubernetes-int-or-string': true };
const shared = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { $ref: 'meta' } };
const embedded = { type: 'object', 'x-kubernetes-embedded-resource': true };

/** What the documents say of a field `v`. */
const rows: [name: string, schema: StructuralSchema, version3: object, version2: object][] = [
  ['words without meaning are left out', { ...text, nullable: false, description: '' }, text, text],
  [
    'alternatives are left out of version 2',
    { ...text, anyOf: [{ minLength: 1 }], not: { maxLength: 3 }, pattern: 'a' },
    { ...text, anyOf: [{ minLength: 1 }], not: { maxLength: 3 }, pattern: 'a' },
    { ...text, pattern: 'a' },
  ],
  [
    'version 2 has no type for what may be null',
    { type: 'object', nullable: true, properties: { a: text } },
    { type: 'object', nullable: true, properties: { a: text } },
    {},
  ],
  [
    'fields that may be null are not required in version 2',
    { type: 'object', required: ['a', 'b'], properties: { a: { ...text, nullable: true }, b: text } },
    { type: 'object', required: ['a', 'b'], properties: { a: { ...text, nullable: true }, b: text } },
    { type: 'object', required: ['b'], properties: { a: {}, b: text } },
  ],
  [
    'version 2 says nothing of what is open',
    { type: 'object', ...open, properties: { a: text } },
    { type: 'object', ...open, properties: { a: text } },
    open,
  ],
  [
    'version 3 says what int-or-string is',
    intOrString,
    { ...intOrString, anyOf: [{ type: 'integer' }, text] },
    intOrString,
  ],
  [
    'and once only',
    { ...intOrString, anyOf: [{ type: 'integer' }, text] },
    { ...intOrString, anyOf: [{ type: 'integer' }, text] },
    intOrString,
  ],
  [
    'beside other alternatives',
    { ...intOrString, anyOf: [{ maxLength: 1 }] },
    { ...intOrString, anyOf: [{ maxLength: 1 }], allOf: [{ anyOf: [{ type: 'integer' }, text] }] },
    intOrString,
  ],
  [
    'resources within resources have their metadata',
    { ...embedded, properties: { a: text } },
    { ...embedded, properties: { a: text, ...shared }, required: ['kind', 'apiVersion'] },
    { ...embedded, properties: { a: text, ...shared }, required: ['kind', 'apiVersion'] },
  ],
  [
    'lists, maps and their types stay',
    { type: 'array', items: { type: 'object', additionalProperties: intOrString }, 'x-kubernetes-list-type': 'atomic' },
    {
      type: 'array',
      items: { type: 'object', additionalProperties: { ...intOrString, anyOf: [{ type: 'integer' }, text] } },
      'x-kubernetes-list-type': 'atomic',
    },
    { type: 'array', items: { type: 'object', additionalProperties: intOrString }, 'x-kubernetes-list-type': 'atomic' },
  ],
];

describe('schemas in OpenAPI documents', () => {
  for (const [name, schema, version3, version2] of rows) {
    it(name, () => {
      const root = { type: 'object', properties: { v: schema } };
      const said = ([2, 3] as const).map((dialect) => publishedSchema(dialect, root, shared));
      assert.deepEqual(said[1], { type: 'object', properties: { v: version3, ...shared } });
      assert.deepEqual(said[0], { type: 'object', properties: { v: version2, ...shared } });
    });
  }

  it('say nothing in version 2 of objects whose root is open', () => {
    const root = { type: 'object', ...open, properties: { a: text } };
    assert.deepEqual(publishedSchema(2, root, shared), { type: 'object' });
    assert.deepEqual(publishedSchema(3, root, shared), { ...root, properties: { a: text, ...shared } });
  });

  it('have names that all objects have', () => {
    const properties = JSON.parse('{"__proto__":{"type":"string"},"constructor":{"type":"string"}}');
    const published = publishedSchema(3, { type: 'object', properties: { v: { type: 'object', properties } } }, shared);
    assert.match(JSON.stringify(published), /"__proto__":\{"type":"string"\},"constructor":\{"type":"string"\}/);
  });

  it('describe references, which version 3 wraps', () => {
    assert.deepEqual(describedRef(2, 'a.B', 'B.'), { $ref: '#/definitions/a.B', description: 'B.' });
    assert.deepEqual(describedRef(3, 'a.B', 'B.'), {
      allOf: [{ $ref: '#/components/schemas/a.B' }],
      description: 'B.',
    });
  });
});
