import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { CachedObject } from '../../storage/store.js';
import { jsonFrame, type ListBody, listBody, wholeList } from './list-body.js';

function objects(count: number): CachedObject[] {
  return Array.from({ length: count }, (_, i) => {
    const bytes = Buffer.from(JSON.stringify({ metadata: { name: `object-${i}` } }));
    return { uid: randomUUID(), revision: i + 1, bytes } as unknown as CachedObject;
  });
}

function body(items: readonly CachedObject[]): ListBody {
  return listBody(jsonFrame('{"items":['), 'v1 List', items, (item) => item.bytes);
}

function text({ head, pieces, tail }: ListBody): string {
  return `${head}${pieces.map((piece) => piece.render().toString()).join(',')}${tail}`;
}

for (const count of [0, 1, 2, 500]) {
  test(`a list of ${count} is whole, and as long as it says`, () => {
    const list = body(objects(count));
    assert.equal(JSON.parse(text(list)).items.length, count);
    assert.equal(text(list).length, list.length);
    assert.equal(wholeList(list).toString(), text(list));
  });
}

test('a list that lacks an object shares all pieces but one or two', () => {
  const items = objects(2000);
  const before = new Set(body(items).pieces.map((piece) => piece.key));
  const after = body(items.filter((_, i) => i !== 1000)).pieces.map((piece) => piece.key);
  assert.ok(before.size > 10);
  assert.ok(after.filter((key) => !before.has(key)).length <= 2);
});
