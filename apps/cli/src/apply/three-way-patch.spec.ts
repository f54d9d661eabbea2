import assert from 'node:assert/strict';
import { type SchemaNode, UNTYPED } from '#apimachinery';
import { threeWayPatch } from './three-way-patch.js';

const node = (partial: Partial<SchemaNode>): SchemaNode => ({ ...UNTYPED, ...partial }) as SchemaNode;
const item = node({ kind: 'object', field: () => UNTYPED });
const schema = node({
  kind: 'object',
  field: (name) =>
    name === 'containers'
      ? node({ kind: 'list', items: item, mergeKey: 'name', patchStrategy: ['merge'] })
      : name === 'finalizers'
        ? node({ kind: 'list', items: UNTYPED, patchStrategy: ['merge'] })
        : undefined,
});

const cases: [what: string, last: any, next: any, patch: any][] = [
  ['a first apply is the manifest itself', undefined, { a: 1 }, { a: 1 }],
  ['a field that went is removed', { a: 1, b: 2 }, { a: 1 }, { a: 1, b: null }],
  [
    'a field that went deep inside is removed',
    { m: { x: 1, y: { z: 1 } } },
    { m: { x: 1, y: {} } },
    { m: { x: 1, y: { z: null } } },
  ],
  ['a list without strategy is replaced', { l: [1, 2] }, { l: [1] }, { l: [1] }],
  [
    'an element of a keyed list that went is deleted by its key',
    { containers: [{ name: 'a', image: 'x' }, { name: 'b' }] },
    { containers: [{ name: 'a' }] },
    {
      containers: [
        { name: 'a', image: null },
        { $patch: 'delete', name: 'b' },
      ],
    },
  ],
  [
    'a primitive that went from a merged list is deleted',
    { finalizers: ['a', 'b'] },
    { finalizers: ['b'] },
    { finalizers: ['b'], '$deleteFromPrimitiveList/finalizers': ['a'] },
  ],
];

for (const [what, last, next, patch] of cases) {
  test(what, () => assert.deepEqual(threeWayPatch(last, next, schema), patch));
}
