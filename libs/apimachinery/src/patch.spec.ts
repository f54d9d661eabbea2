import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deepFreeze } from './json.js';
import { applyJsonPatch, jsonPatchStrictErrors } from './json-patch.js';
import { applyMergePatch, createMergePatch } from './merge-patch.js';
import { workload } from './schema.fixture.js';
import { applyStrategicMergePatch } from './strategic-merge-patch.js';

const json = JSON.parse;

test('JSON patch operations', () => {
  const cases: [object, unknown[], unknown][] = [
    [{ a: 1 }, [{ op: 'add', path: '/b', value: { c: 1 } }], { a: 1, b: { c: 1 } }],
    [{ a: [1, 2] }, [{ op: 'add', path: '/a/1', value: 9 }], { a: [1, 9, 2] }],
    [{ a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    [{ a: [1, 2] }, [{ op: 'remove', path: '/a/-1' }], { a: [1] }],
    [{ 'x/y': { '~': 1 } }, [{ op: 'replace', path: '/x~1y/~0', value: 2 }], { 'x/y': { '~': 2 } }],
    [{ a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
    [{ a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    [
      { a: 1 },
      [
        { op: 'test', path: '/a', value: 1 },
        { op: 'test', path: '/z', value: null },
      ],
      { a: 1 },
    ],
    [{}, [{ op: 'add', path: '/a' }], { a: null }],
  ];
  for (const [document, patch, expected] of cases) {
    assert.deepEqual(applyJsonPatch(deepFreeze(document), patch), expected);
  }
});

test('JSON patches that do not fit are a 422, and what is no patch a 400', () => {
  const unfit: unknown[][] = [
    [{ op: 'remove', path: '/z' }],
    [{ op: 'replace', path: '/z', value: 1 }],
    [{ op: 'add', path: '/z/y', value: 1 }],
    [{ op: 'test', path: '/a', value: 2 }],
    [{ op: 'add', path: '/l/5', value: 1 }],
    [{ op: 'add', path: '/l/x', value: 1 }],
    [{ op: 'nope', path: '/a' }],
    [{ op: 'add', path: '', value: {} }],
    [{ op: 'add', path: '/a/b', value: {} }],
  ];
  for (const patch of unfit) {
    assert.throws(
      () => applyJsonPatch({ a: 1, l: [1] }, patch),
      { code: 422, reason: 'Invalid' },
      JSON.stringify(patch),
    );
  }
  assert.throws(() => applyJsonPatch({}, {}), { code: 400 });
  assert.throws(() => applyJsonPatch({}, [1]), { code: 400 });
  assert.throws(() => applyJsonPatch({}, new Array(10_001).fill({ op: 'test', path: '/a' })), { code: 413 });
  assert.deepEqual(jsonPatchStrictErrors([{ op: 'add', path: '/a', x: 1 }]), ['json patch unknown field "[0].x"']);
});

test('merge patches (the cases of RFC 7386)', () => {
  const cases: [string, string, string][] = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ];
  for (const [document, patch, expected] of cases) {
    assert.deepEqual(applyMergePatch(deepFreeze(json(document)), json(patch)), json(expected));
  }
  assert.throws(() => applyMergePatch({}, []), { code: 400 });
});

test('a created merge patch turns one document into the other', () => {
  const value = fc.oneof(fc.integer({ max: 3, min: 0 }), fc.array(fc.integer({ max: 2, min: 0 }), { maxLength: 2 }));
  const { tree } = fc.letrec((tie) => ({
    tree: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof({ depthSize: 'small' }, value, tie('tree')), {
      noNullPrototype: true,
    }),
  }));
  fc.assert(
    fc.property(tree, tree, (a, b) => {
      const from = a as Record<string, unknown>;
      const patch = createMergePatch(from, b as Record<string, unknown>);
      assert.deepEqual(applyMergePatch(from, patch ?? {}), { ...(b as object) });
    }),
  );
});

const base = deepFreeze({
  metadata: { labels: { a: '1' }, finalizers: ['x', 'y'] },
  spec: {
    replicas: 1,
    selector: { matchLabels: { a: '1' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
    containers: [
      { name: 'one', image: 'i1', command: ['a', 'b'], env: [{ name: 'A', value: '1' }] },
      { name: 'two', image: 'i2' },
    ],
  },
});

function patched(patch: object): any {
  return applyStrategicMergePatch(base, deepFreeze(patch), workload);
}

test('lists merge by key, and what the schema calls atomic is replaced', () => {
  const result = patched({
    spec: {
      containers: [
        { name: 'two', image: 'n' },
        { name: 'one', command: ['c'] },
      ],
    },
  });
  assert.deepEqual(result.spec.containers, [
    { name: 'two', image: 'n' },
    { name: 'one', image: 'i1', command: ['c'], env: [{ name: 'A', value: '1' }] },
  ]);
});

test('a new element comes first, unless an order is given', () => {
  const added = { name: 'new', image: 'x', ports: null };
  const names = (result: any) => result.spec.containers.map((item: any) => item.name);
  assert.deepEqual(names(patched({ spec: { containers: [added] } })), ['new', 'one', 'two']);
  const order = [{ name: 'one' }, { name: 'two' }, { name: 'new' }];
  const ordered = patched({ spec: { '$setElementOrder/containers': order, containers: [added] } });
  assert.deepEqual(names(ordered), ['one', 'two', 'new']);
});

test('directives delete and replace', () => {
  const spec = (patch: object) => patched({ spec: patch }).spec;
  assert.deepEqual(spec({ containers: [{ $patch: 'delete', name: 'one' }] }).containers, [
    { name: 'two', image: 'i2' },
  ]);
  assert.deepEqual(spec({ containers: [{ $patch: 'replace' }, { name: 'z' }] }).containers, [{ name: 'z' }]);
  assert.deepEqual(spec({ $patch: 'replace', replicas: 2 }), { replicas: 2 });
  assert.deepEqual(spec({ selector: { $patch: 'delete' } }).selector, {});
  assert.deepEqual(spec({ strategy: { $retainKeys: ['type'], type: 'Recreate' } }).strategy, { type: 'Recreate' });
  assert.deepEqual(
    patched({ metadata: { '$deleteFromPrimitiveList/finalizers': ['x'], finalizers: ['z'] } }).metadata.finalizers,
    ['z', 'y'],
  );
  assert.equal('labels' in patched({ metadata: { labels: null } }).metadata, false);
});

test('bad strategic patches have the codes of the reference', () => {
  const cases: [object, number, RegExp][] = [
    [{ spec: { containers: [{ image: 'x' }] } }, 500, /does not contain declared merge key: name/],
    [{ spec: { strategy: { $retainKeys: ['a'], type: 'x' } } }, 400, /invalid patch format of retainKeys/],
    [{ spec: { strategy: { $retainKeys: 'a' } } }, 400, /invalid patch format of retainKeys/],
    [{ spec: { $patch: 'what' } }, 500, /unknown patch type: what in map/],
    [{ spec: { containers: [{ name: 'one' }, 1] } }, 500, /list element types are not identical/],
    [{ metadata: { $setElementOrder: [] } }, 400, /invalid patch format of setElementOrder list/],
  ];
  for (const [patch, code, message] of cases) assert.throws(() => patched(patch), { code, message });
});
