import assert from 'node:assert/strict';
import type { Client } from '#client';
import { DefinitionMigration } from './definition-migration.js';

const NAME = 'widgets.example.com';

/** The conditions and stored versions that are written when a migration ends at a definition with this condition. */
async function written(condition: object | undefined): Promise<object[]> {
  const patches: object[] = [];
  const definition = {
    metadata: { name: NAME, generation: 2, resourceVersion: '7' },
    spec: { versions: [{ name: 'v1', storage: true }] },
    status: { conditions: condition ? [{ type: 'StorageMigrating', ...condition }] : [] },
  };
  const client = {
    get: async () => definition,
    patch: async (_gvr: object, _namespace: string, _name: string, _type: string, patch: object) => patches.push(patch),
  } as unknown as Client;
  await new DefinitionMigration(client, () => 't').finish(NAME, true);
  return patches;
}

test('the end of a migration is written where one runs', async () => {
  const [patch] = await written({ status: 'True', observedGeneration: 2 });
  const { status } = patch as { status: { storedVersions: string[]; conditions: { status: string }[] } };
  assert.deepEqual(status.storedVersions, ['v1']);
  assert.deepEqual(
    status.conditions.map((condition) => condition.status),
    ['False'],
  );
});

test('it is not written where none runs', async () => {
  assert.deepEqual(await written({ status: 'False', observedGeneration: 2 }), []);
  assert.deepEqual(await written(undefined), []);
});
