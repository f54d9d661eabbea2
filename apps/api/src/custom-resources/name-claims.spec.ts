import assert from 'node:assert/strict';
import { isConflict } from '#apimachinery';
import { allResources, type CustomResourceDefinition, ResourceCatalog } from '#kinds';
import { createRegistry } from '../registry/registry.js';
import { MemoryStore } from '../registry/testing/memory-store.js';
import { DEFINITIONS } from '../registry/write/definition-guard.js';
import { NameClaims } from './name-claims.js';
import { definition } from './testing/definitions.js';

/** The claims of two servers on one store, with definitions that want the same kind. */
function rig() {
  const store = new MemoryStore();
  for (const plural of ['ones', 'twos']) store.put(DEFINITIONS, definition({ plural, names: { kind: 'Thing' } }));
  const claims = () => {
    const { context } = createRegistry({
      catalog: new ResourceCatalog(allResources()),
      store,
      authorizer: { authorize: () => ({ decision: 'Allow', reason: '' }) },
      admission: { admit: () => {}, validate: () => {} },
      virtualResources: [],
    });
    return new NameClaims(context, { name: 'system:apiserver', groups: ['system:masters'] });
  };
  const accepted = (plural: string): CustomResourceDefinition => {
    const crd = structuredClone(store.cache(DEFINITIONS).get('', `${plural}.example.com`)!.parse());
    return { ...crd, status: { ...crd.status, acceptedNames: crd.spec.names, storedVersions: ['v1'] } };
  };
  const kindOf = (plural: string) =>
    store.cache(DEFINITIONS).get('', `${plural}.example.com`)!.parse().status?.acceptedNames?.kind;
  return { first: claims(), second: claims(), accepted, kindOf };
}

describe('names of definitions', () => {
  it('are given on the decisions that were seen, and on no others', async () => {
    const { first, second, accepted, kindOf } = rig();
    const [seen, seenBySecond] = [await first.decisions(), await second.decisions()];
    await first.write(accepted('ones'), seen);
    await assert.rejects(second.write(accepted('twos'), seenBySecond), isConflict);
    assert.deepEqual([kindOf('ones'), kindOf('twos')], ['Thing', undefined]);
  });

  it('are given one decision after the other', async () => {
    const { first, second, accepted, kindOf } = rig();
    await first.write(accepted('ones'), await first.decisions());
    await second.write(accepted('twos'), await second.decisions());
    assert.deepEqual([await first.decisions(), kindOf('twos')], [2, 'Thing']);
  });
});
