import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { DecodeError } from '../decode.js';
import { ObjectForm } from './object-form.js';
import type { StructuralSchema } from './structural.js';

const open = { 'x-kubernetes-preserve-unknown-fields': true };
const text = { type: 'string' };
const count = { type: 'integer', default: 1 };

function formOf(properties: Record<string, StructuralSchema>, rest: StructuralSchema = {}): ObjectForm {
  return new ObjectForm({ type: 'object', properties, ...rest });
}

/** JSON, since the objects that come are parsed from it: `__proto__` is a field like any other. */
function parsed(json: string): KubeObject {
  return JSON.parse(json);
}

function decoded(form: ObjectForm, json: string) {
  const { object, unknownFields } = form.decode(parsed(json));
  return { json: JSON.stringify(object), unknownFields };
}

describe('objects of a schema, when they are read', () => {
  const pruning: [name: string, spec: StructuralSchema, value: string, kept: string, ...unknown: string[]][] = [
    ['unknown fields', { type: 'object', properties: { a: text } }, '{"a":1,"b":{"c":1}}', '{"a":1}', 'spec.b'],
    ['fields of an object that names none', { type: 'object' }, '{"b":1}', '{}', 'spec.b'],
    ['nothing of an open object', { type: 'object', ...open }, '{"b":{"c":1}}', '{"b":{"c":1}}'],
    [
      'unknown fields below what an open object names',
      { type: 'object', ...open, properties: { a: { type: 'object', properties: { b: text } } } },
      '{"x":1,"a":{"b":"","c":1}}',
      '{"x":1,"a":{"b":""}}',
      'spec.a.c',
    ],
    [
      'values of a map, by their schema',
      { type: 'object', additionalProperties: { type: 'object', properties: { a: text } } },
      '{"k":{"a":"","b":1}}',
      '{"k":{"a":""}}',
      'spec.k.b',
    ],
    [
      'what is in values of any kind',
      { type: 'object', additionalProperties: true },
      '{"k":{"b":1},"l":1}',
      '{"k":{},"l":1}',
      'spec.k.b',
    ],
    [
      'items',
      { type: 'array', items: { type: 'object', properties: { a: text } } },
      '[{"a":"","b":1},5]',
      '[{"a":""},5]',
      'spec[0].b',
    ],
    [
      'nothing of the items of an open list, but what they name',
      { type: 'array', ...open, items: { type: 'object', properties: { a: { type: 'object' } } } },
      '[{"a":{"b":1},"c":1}]',
      '[{"a":{},"c":1}]',
      'spec[0].a.b',
    ],
    ['what has another type', text, '{"a":1}', '{}', 'spec.a'],
    [
      'names that all objects have',
      { type: 'object', properties: JSON.parse('{"__proto__":{"type":"object"},"constructor":{"type":"string"}}') },
      '{"__proto__":{"a":1},"constructor":"c","toString":1}',
      '{"__proto__":{},"constructor":"c"}',
      'spec.__proto__.a',
      'spec.toString',
    ],
  ];
  for (const [name, spec, value, kept, ...unknownFields] of pruning) {
    it(`lose ${name}`, () => {
      assert.deepEqual(decoded(formOf({ spec }), `{"spec":${value}}`), { json: `{"spec":${kept}}`, unknownFields });
    });
  }

  it('lose unknown fields of the root, and of their metadata', () => {
    const { json, unknownFields } = decoded(formOf({}), '{"apiVersion":"a/v1","kind":"A","metadata":{"b":1},"z":1}');
    assert.deepEqual([json, unknownFields], ['{"apiVersion":"a/v1","kind":"A","metadata":{}}', ['metadata.b', 'z']]);
  });

  it('keep unknown fields of an open root', () => {
    assert.equal(decoded(formOf({}, open), '{"z":{"y":1}}').json, '{"z":{"y":1}}');
  });

  it('lose null where the schema allows none and has no default', () => {
    const form = formOf({
      a: text,
      b: { ...text, nullable: true },
      c: count,
      d: { type: 'object', additionalProperties: text },
      e: { type: 'array', items: text },
      f: { type: 'object', ...open },
    });
    const { json } = decoded(form, '{"a":null,"b":null,"c":null,"d":{"x":null},"e":[null],"f":{"x":null}}');
    assert.equal(json, '{"b":null,"c":null,"d":{},"e":[null],"f":{"x":null}}');
  });

  it('tell no more than a thousand unknown fields', () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, 1]));
    const { unknownFields, json } = decoded(formOf({ spec: { type: 'object' } }), JSON.stringify({ spec: many }));
    assert.deepEqual([unknownFields.length, json], [1000, '{"spec":{}}']);
  });

  it('are refused when they are nested too deep', () => {
    const depth = 200_000;
    const nested: any = {};
    for (let i = 0, at = nested; i < depth; i++) at = at.a = {};
    const form = formOf({ spec: { type: 'object', additionalProperties: { type: 'object', ...open } } });
    assert.equal(form.decode({ spec: { a: {} } }).unknownFields.length, 0);
    let list: unknown = [];
    for (let i = 0; i < depth; i++) list = [list];
    assert.throws(() => form.decode({ spec: [list] }), { name: 'DecodeError', message: 'exceeded max depth' });
  });

  it('are refused when they are no objects', () => {
    assert.throws(() => formOf({}).decode([]), {
      message: 'json: cannot unmarshal array into Go value of type map[string]interface {}',
    });
  });
});

describe('resources within objects, when they are read', () => {
  const embedded = { type: 'object', 'x-kubernetes-embedded-resource': true, ...open };
  const form = formOf({ template: embedded, map: { type: 'object', additionalProperties: embedded } });

  it('have metadata of their own, which loses what it does not have', () => {
    const value = '{"template":{"kind":"A","spec":{"b":1},"metadata":{"name":"a","creationTimestamp":null,"b":1}}}';
    const { json, unknownFields } = decoded(form, value);
    assert.equal(json, '{"template":{"kind":"A","spec":{"b":1},"metadata":{"name":"a"}}}');
    assert.deepEqual(unknownFields, ['template.metadata.b']);
    assert.deepEqual(decoded(form, '{"map":{"x":{"metadata":{"b":1}}}}').unknownFields, ['map[x].metadata.b']);
  });

  it('are refused where their types are wrong', () => {
    for (const [value, message] of [
      ['{"template":{"kind":1}}', 'template.kind: Invalid value: 1: must be a string'],
      [
        '{"map":{"x":{"metadata":{"labels":{"a":1}}}}}',
        'map[x].metadata: Invalid value: {"labels":{"a":1}}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
      ],
    ] as const) {
      assert.throws(
        () => form.decode(parsed(value)),
        (error) => {
          assert.ok(error instanceof DecodeError);
          assert.equal(error.message, message);
          return true;
        },
      );
    }
  });
});

describe('defaults of a schema', () => {
  function filled(properties: Record<string, StructuralSchema>, json: string): string {
    const object = parsed(json);
    formOf(properties).applyDefaults(object);
    return JSON.stringify(object);
  }

  const rows: [name: string, properties: Record<string, StructuralSchema>, given: string, filled: string][] = [
    ['take the place of what is missing', { a: count }, '{}', '{"a":1}'],
    ['leave what is empty', { a: count, b: { ...text, default: 'x' } }, '{"a":0,"b":""}', '{"a":0,"b":""}'],
    ['take the place of null where that is not allowed', { a: count }, '{"a":null}', '{"a":1}'],
    ['leave null where it is allowed', { a: { ...count, nullable: true } }, '{"a":null}', '{"a":null}'],
    ['need an object to be in', { a: { type: 'object', properties: { b: count } } }, '{}', '{}'],
    [
      'are filled in themselves',
      { a: { type: 'object', default: {}, properties: { b: count } } },
      '{}',
      '{"a":{"b":1}}',
    ],
    [
      'reach items and values of maps',
      {
        a: { type: 'array', items: { type: 'object', properties: { b: count } } },
        m: { type: 'object', additionalProperties: { type: 'object', default: {}, properties: { b: count } } },
      },
      '{"a":[{}],"m":{"x":null,"y":{}}}',
      '{"a":[{"b":1}],"m":{"x":{"b":1},"y":{"b":1}}}',
    ],
    [
      'are pruned',
      { a: { type: 'object', default: { b: 1, c: 2 }, properties: { b: { type: 'integer' } } } },
      '{}',
      '{"a":{"b":1}}',
    ],
    ['may have names that all objects have', JSON.parse('{"__proto__":{"default":1}}'), '{}', '{"__proto__":1}'],
  ];
  for (const [name, properties, given, expected] of rows)
    it(name, () => assert.equal(filled(properties, given), expected));

  it('are not shared by objects', () => {
    const form = formOf({ a: { type: 'array', default: [1], items: { type: 'integer' } } });
    const [first, second] = [parsed('{}'), parsed('{}')];
    form.applyDefaults(first);
    (first['a'] as number[]).push(2);
    form.applyDefaults(second);
    assert.deepEqual(second['a'], [1]);
  });
});

describe('objects of a schema, when they are read from storage', () => {
  it('have the form of the schema of now, without what cannot be read', () => {
    const embedded = { type: 'object', 'x-kubernetes-embedded-resource': true, ...open };
    const stored = Object.freeze(
      parsed('{"metadata":{"name":"a","labels":"b"},"old":1,"a":null,"t":{"kind":1,"metadata":{"name":"x","uid":5}}}'),
    );
    const read = formOf({ a: count, t: embedded }).fromStorage(stored);
    assert.deepEqual(read, { metadata: { name: 'a', generation: 1 }, a: 1, t: { metadata: { name: 'x' } } });
  });
});

describe('how objects of a schema are merged', () => {
  const root = formOf({
    spec: {
      type: 'object',
      properties: {
        set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
        parts: {
          type: 'array',
          items: { type: 'object', properties: { name: text, n: count } },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name', 'n'],
        },
        whole: { type: 'object', properties: { a: text }, 'x-kubernetes-map-type': 'atomic' },
        labels: { type: 'object', additionalProperties: text },
        free: { type: 'object' },
        any: open,
        mixed: { type: 'object', ...open, properties: { a: text } },
        port: { 'x-kubernetes-int-or-string': true },
        template: { type: 'object', ...open, 'x-kubernetes-embedded-resource': true },
      },
    },
  }).schemaNode;
  const spec = root.field('spec')!;
  const at = (name: string) => spec.field(name)!;

  it('follows the types of lists and maps', () => {
    assert.deepEqual([at('set').listType, at('set').items?.kind], ['set', 'scalar']);
    assert.deepEqual([at('parts').listType, at('parts').listMapKeys], ['map', ['name', 'n']]);
    assert.equal(at('parts').items?.field('n')?.default, 1);
    assert.equal(at('whole').mapType, 'atomic');
    assert.deepEqual([at('labels').kind, at('labels').items?.kind], ['map', 'scalar']);
  });

  it('knows what has no schema', () => {
    assert.deepEqual([at('free').kind, at('free').items?.kind], ['map', 'any']);
    assert.equal(at('any').kind, 'any');
    assert.deepEqual([at('mixed').field('a')?.kind, at('mixed').items?.kind], ['scalar', 'any']);
    assert.deepEqual([spec.field('unknown'), spec.items, at('port').kind], [undefined, undefined, 'scalar']);
  });

  it('knows the metadata of objects, and of resources within them', () => {
    for (const node of [root, at('template')]) {
      assert.equal(node.field('metadata')?.field('finalizers')?.listType, 'set');
      assert.equal(node.field('kind')?.kind, 'scalar');
    }
  });

  it('gives the same node each time', () => assert.equal(root.field('spec')?.field('parts'), at('parts')));
});
