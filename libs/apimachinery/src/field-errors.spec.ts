import assert from 'node:assert/strict';
import * as field from './field-errors.js';
import { goJson, goValue, quote } from './go-format.js';

const path = field.FieldPath.of('spec').child('containers').index(0).child('env').key('A.b').child('value');

test('paths print as Kubernetes prints them', () => {
  assert.equal(path.toString(), 'spec.containers[0].env[A.b].value');
  assert.equal(field.FieldPath.of('metadata', 'name').toString(), 'metadata.name');
});

test('bodies of errors', () => {
  const cases: [field.FieldError, string, string][] = [
    [field.required('a'), 'FieldValueRequired', 'Required value'],
    [field.required('a', 'why'), 'FieldValueRequired', 'Required value: why'],
    [field.forbidden('a', 'no'), 'FieldValueForbidden', 'Forbidden: no'],
    [field.invalid('a', 'x"y', 'bad'), 'FieldValueInvalid', 'Invalid value: "x\\"y": bad'],
    [field.invalid('a', -1, 'bad'), 'FieldValueInvalid', 'Invalid value: -1: bad'],
    [field.invalid('a', true), 'FieldValueInvalid', 'Invalid value: true'],
    [field.invalid('a', { b: 1, a: ['<'] }), 'FieldValueInvalid', 'Invalid value: {"a":["\\u003c"],"b":1}'],
    [field.invalid('a', undefined, 'd'), 'FieldValueInvalid', 'Invalid value: null: d'],
    [field.immutable('a', 'v'), 'FieldValueInvalid', 'Invalid value: "v": field is immutable'],
    [field.duplicate('a', 'v'), 'FieldValueDuplicate', 'Duplicate value: "v"'],
    [
      field.notSupported('a', 'v', ['A', 'B']),
      'FieldValueNotSupported',
      'Unsupported value: "v": supported values: "A", "B"',
    ],
    [field.notFound('a', 'v'), 'FieldValueNotFound', 'Not found: "v"'],
    [field.tooLong('a', 1), 'FieldValueTooLong', 'Too long: may not be more than 1 byte'],
    [field.tooLong('a', 10), 'FieldValueTooLong', 'Too long: may not be more than 10 bytes'],
    [field.tooMany('a', 3, 2), 'FieldValueTooMany', 'Too many: 3: must have at most 2 items'],
    [field.tooMany('a', -1, 1), 'FieldValueTooMany', 'Too many: must have at most 1 item'],
    [field.typeInvalid('a', 'v', 'd'), 'FieldValueTypeInvalid', 'Invalid value: "v": d'],
    [field.internalError('a', 'd'), 'InternalError', 'Internal error: d'],
  ];
  for (const [error, reason, message] of cases) {
    assert.deepEqual([error.field, error.reason, error.message], ['a', reason, message]);
  }
});

test('several messages are joined in brackets, doubles removed', () => {
  assert.equal(field.aggregateMessages(['a', 'a']), 'a');
  assert.equal(field.aggregateMessages(['a', 'b', 'a']), '[a, b]');
});

test('quoting and printing as Go does', () => {
  assert.equal(quote('a\tb\x00\u00e9\u200b\\'), '"a\\tb\\x00é\\u200b\\\\"');
  assert.equal(goJson({ b: 1, a: { d: 1, c: 2 } }), '{"a":{"c":2,"d":1},"b":1}');
  const struct = new Map<string, unknown>([
    ['z', undefined],
    ['b', ['"', undefined, null, Number.NaN]],
    ['a', '<'],
  ]);
  assert.equal(
    goJson({ x: struct, no: undefined, 10: 1, 9: 1 }),
    '{"10":1,"9":1,"x":{"b":["\\"",null,null,null],"a":"\\u003c"}}',
  );
  assert.equal(goValue({ b: [1, 'x'], a: null }), 'map[a:<nil> b:[1 x]]');
});
