import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { allResources, ResourceCatalog } from '#kinds';
import { MemoryStore } from '../registry/testing/memory-store.js';
import { DEFINITIONS } from '../registry/write/definition-guard.js';
import { NameIndex } from './name-index.js';
import { definition } from './testing/definitions.js';

function rig() {
  const store = new MemoryStore();
  const index = new NameIndex(new ResourceCatalog(allResources()).list());
  const put = (plural: string, accepted: object | undefined, status: string) => {
    const conditions = [{ type: 'NamesAccepted', status }];
    const crd = { ...definition({ plural }), status: { acceptedNames: accepted, conditions } };
    store.put(DEFINITIONS, crd as unknown as KubeObject);
    index.follow(store.cache(DEFINITIONS));
  };
  return { store, index, put };
}

describe('NameIndex', () => {
  it('has the names of a group, until the last definition that has one goes', () => {
    const { index, put } = rig();
    put('ones', { plural: 'ones', singular: 'one', kind: 'One', listKind: 'OneList', shortNames: ['o'] }, 'True');
    put('twos', { plural: 'twos', kind: 'Two', shortNames: ['o'] }, 'True');
    const { resources, kinds } = index.taken('example.com');
    assert.deepEqual(
      ['ones', 'one', 'o', 'twos', 'One'].map((name) => resources.has(name)),
      [true, true, true, true, false],
    );
    assert.deepEqual([kinds.has('OneList'), kinds.has('Two'), kinds.has('ones')], [true, true, false]);
    index.take('ones.example.com', undefined);
    assert.deepEqual([resources.has('ones'), resources.has('o'), kinds.has('One')], [false, true, false]);
    index.take('twos.example.com', undefined);
    assert.equal(index.taken('example.com').resources.has('o'), false);
  });

  it('has the names of the release', () => {
    const { index } = rig();
    const { resources, kinds } = index.taken('apps');
    assert.deepEqual(
      [resources.has('deploy'), kinds.has('DeploymentList'), index.taken('').kinds.has('Pod')],
      [true, true, true],
    );
  });

  it('knows who waits for a name', () => {
    const { index, put } = rig();
    put('ones', undefined, 'False');
    put('twos', { plural: 'twos' }, 'True');
    assert.deepEqual(index.waiting('example.com'), ['ones.example.com']);
    put('ones', { plural: 'ones' }, 'True');
    assert.deepEqual(index.waiting('example.com'), []);
  });
});
