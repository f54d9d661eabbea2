import assert from 'node:assert/strict';
import { CacheEntry, renderBytes } from './cached-object.js';

const fields = { resource: 'pods', fieldValue: (object: any) => object.spec?.nodeName ?? '' };

function entryOf(object: object, revision: number): CacheEntry {
  const bytes = renderBytes(Buffer.from(JSON.stringify(object)), revision);
  return new CacheEntry(fields, 'default', 'web', 'uid', revision, bytes);
}

test('an adopted object is what parsing would give: frozen, with its revision, without undefined members', () => {
  const spec = { nodeName: 'node-1', hostname: undefined, containers: [{ name: 'web', image: undefined }] };
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', labels: undefined }, spec };
  const parsed = entryOf(object, 7).parse();
  const entry = entryOf(object, 7);
  entry.adopt(object as never);
  const adopted = entry.parse();
  assert.deepStrictEqual(adopted, parsed);
  assert.deepEqual(Object.keys(adopted.spec.containers[0]), ['name']);
  assert.ok(Object.isFrozen(adopted) && Object.isFrozen(adopted.metadata) && Object.isFrozen(adopted.spec.containers));
  assert.equal(entry.field('spec.nodeName'), 'node-1');
});

test('an object whose parts are shared and frozen can be adopted', () => {
  const metadata = Object.freeze({ name: 'web' });
  const entry = entryOf({ metadata }, 3);
  entry.adopt(Object.freeze({ apiVersion: 'v1', kind: 'Pod', metadata }) as never);
  assert.equal(entry.parse().metadata.resourceVersion, '3');
});
