import assert from 'node:assert/strict';
import { openApiV2Protobuf } from './openapi-v2-protobuf.js';

type Read = { number: number; value: number | Buffer }[];

/** The fields of a message, in their order. */
function read(bytes: Buffer): Read {
  const fields: Read = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wireType = tag % 8;
    if (wireType === 0) {
      fields.push({ number: (tag - wireType) / 8, value: varint() });
      continue;
    }
    const length = wireType === 1 ? 8 : varint();
    assert.ok(wireType < 3 && at + length <= bytes.length, `wire type ${wireType} of ${length} bytes`);
    fields.push({ number: (tag - wireType) / 8, value: bytes.subarray(at, (at += length)) });
  }
  return fields;
}

/** What stands at a path of field numbers, all of it. */
function at(bytes: Buffer, ...path: number[]): (string | number)[] {
  let found: (number | Buffer)[] = [bytes];
  for (const step of path) {
    found = found
      .flatMap((value) => read(value as Buffer).filter(({ number }) => number === step))
      .map(({ value }) => value);
  }
  return found.map((value) => (typeof value === 'number' ? value : value.toString()));
}

const encode = (document: object) => Buffer.concat([...openApiV2Protobuf(document)]);

describe('OpenAPI v2 as protobuf', () => {
  test('says what the document is', () => {
    const bytes = encode({ swagger: '2.0', info: { title: 'Kubernetes', version: 'v1' }, 'x-more': [1] });
    assert.deepEqual(at(bytes, 1), ['2.0']);
    assert.deepEqual([at(bytes, 2, 1), at(bytes, 2, 2)], [['Kubernetes'], ['v1']]);
    assert.deepEqual([at(bytes, 16, 1), at(bytes, 16, 2, 2)], [['x-more'], ['[1]\n']]);
  });

  test('has the schemas, whatever their properties are called', () => {
    const properties = {
      $ref: { type: 'string', enum: ['a', 'b'], default: 'a' },
      'x-kubernetes-any': { $ref: '#/definitions/other' },
      map: { type: 'object', additionalProperties: { type: 'integer', maximum: 1.5, maxLength: 300 } },
      open: { additionalProperties: true },
      list: { type: 'array', items: { type: 'string' } },
    };
    const kinds = [{ group: '', kind: 'A', version: 'v1' }];
    const one = { type: 'object', required: ['map', 'list'], properties, 'x-kubernetes-group-version-kind': kinds };
    const bytes = encode({ definitions: { one, other: {} } });
    const schema = (...path: number[]) => at(bytes, 9, 1, 2, ...path);
    const property = (...path: number[]) => schema(25, 1, 2, ...path);
    assert.deepEqual(at(bytes, 9, 1, 1), ['one', 'other']);
    assert.deepEqual([schema(22, 1), schema(19)], [['object'], ['map', 'list']]);
    assert.deepEqual(
      [schema(31, 1), schema(31, 2, 2)],
      [['x-kubernetes-group-version-kind'], [`${JSON.stringify(kinds)}\n`]],
    );
    assert.deepEqual(schema(25, 1, 1), Object.keys(properties));
    assert.deepEqual(property(1), ['#/definitions/other']);
    assert.deepEqual([property(20, 2), property(5, 2)], [['"a"\n', '"b"\n'], ['"a"\n']]);
    assert.deepEqual([property(21, 1, 22, 1), property(21, 1, 11), property(21, 2)], [['integer'], [300], [1]]);
    const limit = Buffer.alloc(8);
    limit.writeDoubleLE(1.5);
    assert.deepEqual(property(21, 1, 7), [limit.toString()]);
    assert.deepEqual(property(23, 1, 22, 1), ['string']);
  });

  test('has paths, operations, and parameters of each place', () => {
    const parameters = [
      { in: 'body', name: 'body', required: true, schema: { $ref: '#/definitions/one' } },
      { in: 'query', name: 'limit', type: 'integer', uniqueItems: true },
      { in: 'path', name: 'name', type: 'string', required: true },
      { $ref: '#/parameters/shared' },
    ];
    const responses = { 200: { description: 'OK', schema: { type: 'string' } }, 401: { description: 'no' } };
    const get = { operationId: 'read', consumes: ['*/*'], parameters, responses, 'x-kubernetes-action': 'get' };
    const bytes = encode({
      paths: { '/a': { get, parameters: [parameters[3]] }, '/b': {} },
      security: [{ BearerToken: [] }],
      securityDefinitions: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header' } },
    });
    const operation = (...path: number[]) => at(bytes, 8, 2, 2, 2, ...path);
    assert.deepEqual(at(bytes, 8, 2, 1), ['/a', '/b']);
    assert.deepEqual([operation(5), operation(7), operation(13, 1)], [['read'], ['*/*'], ['x-kubernetes-action']]);
    assert.deepEqual(
      [operation(8, 1, 1, 2), operation(8, 1, 1, 4), operation(8, 1, 1, 5, 1)],
      [['body'], [1], ['#/definitions/one']],
    );
    assert.deepEqual([operation(8, 1, 2, 3, 4), operation(8, 1, 2, 3, 6)], [['limit'], ['integer']]);
    assert.deepEqual(operation(8, 1, 2, 3, 20), [1]);
    assert.deepEqual([operation(8, 1, 2, 4, 4), operation(8, 1, 2, 4, 5)], [['name'], ['string']]);
    assert.deepEqual(
      [operation(8, 2, 1), at(bytes, 8, 2, 2, 9, 2, 1)],
      [['#/parameters/shared'], ['#/parameters/shared']],
    );
    assert.deepEqual(
      [operation(9, 1, 1), operation(9, 1, 2, 1, 1)],
      [
        ['200', '401'],
        ['OK', 'no'],
      ],
    );
    assert.deepEqual(operation(9, 1, 2, 1, 2, 1, 22, 1), ['string']);
    assert.deepEqual([at(bytes, 12, 1, 1), at(bytes, 13, 1, 2, 2, 2)], [['BearerToken'], ['authorization']]);
  });
});
