import assert from 'node:assert/strict';
import { FieldPath, fieldErrorText } from '#apimachinery';
import { FieldCursor } from '../../validation/field-cursor.js';
import { SchemaFindings } from './schema-findings.js';
import type { StructuralSchema } from './structural.js';
import { ValueSchema } from './value-schema.js';

function errorsOf(schema: StructuralSchema, value: unknown, above?: FieldPath): string[] {
  const at = new FieldCursor();
  const found = new SchemaFindings(at, above);
  ValueSchema.of(schema).check(at, value, found);
  return found.errors.map(fieldErrorText);
}

/** Of the field `v`. */
type Row = [name: string, schema: StructuralSchema, value: unknown, ...errors: string[]];

const text = { type: 'string' };
const number = { type: 'number' };
const integer = { type: 'integer' };
const list = { type: 'array', items: integer };
const map = { type: 'object', additionalProperties: integer };
const mustBe = (type: string, found: string) =>
  `v: Invalid value: ${JSON.stringify(found)}: v in body must be of type ${type}: ${JSON.stringify(found)}`;

const rows: Row[] = [
  ['a text', text, 'a'],
  ['a number for a text', text, 1, mustBe('string', 'integer')],
  [
    'a fraction for an integer',
    integer,
    1.5,
    mustBe('integer', 'number'),
    '<nil>: Invalid value: "": Checked value must be of type integer (default format) in v',
  ],
  ['an integer for a number', number, 1],
  ['a text for an int32', { type: 'integer', format: 'int32' }, 'a', mustBe('integer', 'string')],
  [
    'a boolean for an int32',
    { type: 'integer', format: 'int32' },
    true,
    'v: Invalid value: "": v in body must be of type int32: ""',
  ],
  [
    'too large an int32',
    { type: 'integer', format: 'int32' },
    2 ** 31,
    '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in v',
  ],
  [
    'too large a float',
    { type: 'number', format: 'float' },
    1e300,
    '<nil>: Invalid value: "": Checked value must be of type number with format float in v',
  ],
  ['null', text, null, mustBe('string', 'null')],
  ['null where it is allowed', { ...text, nullable: true }, null],
  [
    'null where values are listed',
    { ...text, nullable: true, enum: ['a', null] },
    null,
    'v: Unsupported value: null: supported values: "a", "null"',
  ],
  ['an integer or a text', { 'x-kubernetes-int-or-string': true }, 'a'],
  ['neither integer nor text', { 'x-kubernetes-int-or-string': true }, true, mustBe('integer,string', 'boolean')],
  ['a list for a text with a format, as upstream has it', { ...text, format: 'date' }, []],
  ['a format that no text has', { ...text, format: 'date' }, 'x', mustBe('date', 'x')],
  ['a format that nobody knows', { ...text, format: 'odd' }, 'x'],
  ['a long text', { ...text, maxLength: 2 }, 'äöü', 'v: Too long: may not be more than 2 bytes'],
  ['two characters of four bytes', { ...text, maxLength: 2 }, '😀😀'],
  ['a short text', { ...text, minLength: 2 }, 'a', 'v: Invalid value: "a": v in body should be at least 2 chars long'],
  ['a pattern', { ...text, pattern: '^(?i)AB$' }, 'ab'],
  ['no match', { ...text, pattern: '^a$' }, 'b', `v: Invalid value: "b": v in body should match '^a$'`],
  [
    'a bad pattern',
    { ...text, pattern: '(' },
    'b',
    `v: Invalid value: "b": v in body should match '(, but pattern is invalid: error parsing regexp: missing closing ): \`(\`'`,
  ],
  [
    'a value that is not listed',
    { ...text, enum: ['a', 'b'] },
    'c',
    'v: Unsupported value: "c": supported values: "a", "b"',
  ],
  ['listed objects', { type: 'object', enum: [{ a: [1] }, 5] }, { a: [1] }],
  [
    'an object that is not listed',
    { type: 'object', enum: [{ a: 1 }, 5] },
    { a: 2 },
    'v: Unsupported value: {"a":2}: supported values: "{\\"a\\":1}", "5"',
  ],
  [
    'more than the maximum',
    { ...integer, maximum: 5 },
    6,
    'v: Invalid value: 6: v in body should be less than or equal to 5',
  ],
  [
    'the exclusive maximum',
    { ...number, maximum: 5.5, exclusiveMaximum: true },
    5.5,
    'v: Invalid value: 5.5: v in body should be less than 5.5',
  ],
  [
    'less than the minimum',
    { ...integer, minimum: 5 },
    4,
    'v: Invalid value: 4: v in body should be greater than or equal to 5',
  ],
  [
    'the exclusive minimum',
    { ...integer, minimum: 5, exclusiveMinimum: true },
    5,
    'v: Invalid value: 5: v in body should be greater than 5',
  ],
  [
    'a maximum that no integer has',
    { ...integer, maximum: 2.5 },
    3,
    '<nil>: Invalid value: "": Maximum boundary value must be of type integer (default format) in v',
    'v: Invalid value: 3: v in body should be less than or equal to 2.5',
  ],
  [
    'a large maximum of fractions',
    { ...number, maximum: 2_500_000 },
    2_500_000.5,
    'v: Invalid value: 2.5000005e+06: v in body should be less than or equal to 2.5e+06',
  ],
  ['no multiple', { ...integer, multipleOf: 3 }, 7, 'v: Invalid value: 7: v in body should be a multiple of 3'],
  ['a multiple of a fraction', { ...number, multipleOf: 0.1 }, 0.3],
  [
    'a factor below one',
    { multipleOf: -1 },
    7,
    'v: Invalid value: -1: factor MultipleOf declared for v must be positive: -1',
  ],
  ['few items', { ...list, minItems: 2 }, [1], 'v: Invalid value: 1: v in body should have at least 2 items'],
  ['many items', { ...list, maxItems: 1 }, [1, 2], 'v: Too many: 2: must have at most 1 item'],
  [
    'an item twice',
    { ...list, uniqueItems: true },
    [1, 1],
    `v: Invalid value: "": v in body shouldn't contain duplicates`,
  ],
  ['a bad item', list, [1, 'a'], 'v[1]: Invalid value: "string": v[1] in body must be of type integer: "string"'],
  [
    'few properties',
    { ...map, minProperties: 1 },
    {},
    'v: Invalid value: 0: v in body should have at least 1 properties',
  ],
  ['many properties', { ...map, maxProperties: 1 }, { a: 1, b: 2 }, 'v: Too many: 2: must have at most 1 item'],
  [
    'a bad value of a map',
    map,
    { 'a.b': 'x' },
    'v.a.b: Invalid value: "string": v.a.b in body must be of type integer: "string"',
  ],
  [
    'a name where none is allowed',
    { type: 'object', additionalProperties: false },
    { a: 1 },
    'v: Invalid value: "a": v.a in body is a forbidden property',
  ],
  [
    'names of every object',
    { type: 'object', properties: { constructor: integer }, required: ['__proto__', 'toString'] },
    { constructor: 'a' },
    'v.constructor: Invalid value: "string": v.constructor in body must be of type integer: "string"',
    'v.__proto__: Required value',
    'v.toString: Required value',
  ],
  ['one of any', { ...integer, anyOf: [{ minimum: 5 }, { maximum: 1 }] }, 1],
  [
    'none of any, told by the closest',
    {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      anyOf: [{ required: ['a', 'b'] }, { properties: { c: { minimum: 3 } } }],
    },
    { c: 1 },
    '<nil>: Invalid value: "": "v" must validate at least one schema (anyOf)',
    'v.c: Invalid value: 1: v.c in body should be greater than or equal to 3',
  ],
  [
    'two of one',
    { ...integer, oneOf: [{ minimum: 1 }, { maximum: 5 }] },
    3,
    '<nil>: Invalid value: "": "v" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ],
  [
    'none of one',
    { ...integer, oneOf: [{ minimum: 5 }] },
    3,
    '<nil>: Invalid value: "": "v" must validate one and only one schema (oneOf). Found none valid',
    'v: Invalid value: 3: v in body should be greater than or equal to 5',
  ],
  [
    'not all of all',
    { ...integer, allOf: [{ minimum: 5 }, { maximum: 5 }] },
    3,
    'v: Invalid value: 3: v in body should be greater than or equal to 5',
    '<nil>: Invalid value: "": "v" must validate all the schemas (allOf)',
  ],
  [
    'none of all',
    { ...integer, allOf: [{ minimum: 5 }] },
    3,
    'v: Invalid value: 3: v in body should be greater than or equal to 5',
    '<nil>: Invalid value: "": "v" must validate all the schemas (allOf). None validated',
  ],
  [
    'what must not be',
    { ...integer, not: { minimum: 1 } },
    3,
    '<nil>: Invalid value: "": "v" must not validate the schema (not)',
  ],
];

describe('conditions of a schema on values', () => {
  for (const [name, schema, value, ...errors] of rows) {
    it(name, () => assert.deepEqual(errorsOf({ type: 'object', properties: { v: schema } }, { v: value }), errors));
  }

  it('are told of the root without a path', () => {
    assert.deepEqual(errorsOf({ type: 'object', minProperties: 1 }, {}), [
      '<nil>: Invalid value: 0:  in body should have at least 1 properties',
    ]);
    assert.deepEqual(errorsOf({ type: 'object', required: ['a'] }, {}), ['a: Required value']);
  });

  it('are told of a part below its path, with sentences that begin at the part', () => {
    const schema = { type: 'object', properties: { phase: text }, required: ['at'], minProperties: 2 };
    assert.deepEqual(errorsOf(schema, { phase: 1 }, FieldPath.of('status')), [
      'status: Invalid value: 1:  in body should have at least 2 properties',
      'status.phase: Invalid value: "string": phase in body must be of type string: "integer"'.replace(
        '"string"',
        '"integer"',
      ),
      'status.at: Required value',
    ]);
  });
});
