import assert from 'node:assert/strict';
import type { StorageVersionMigration } from '#kinds';
import { ended, type MigrationStatus, nextToRun, runningMessage, withTrue } from './migration-conditions.js';

const migration = (name: string, second: number, status: MigrationStatus = {}): StorageVersionMigration => ({
  apiVersion: 'storagemigration.k8s.io/v1',
  kind: 'StorageVersionMigration',
  metadata: { name, generation: 3, creationTimestamp: `2030-01-01T00:00:0${second}Z` },
  spec: { resource: { group: '', resource: 'pods' } },
  status,
});
const running = withTrue({}, 'Running', 'x', 't');
const over = withTrue({}, 'Failed', 'x', 't');

test.each([
  [undefined, undefined, 'The migration is running'],
  [{ left: 0, total: 0 }, undefined, 'The migration is running'],
  [{ left: 2, total: 5 }, undefined, 'The migration is running, 2/5 objects not yet migrated'],
  [{ left: 0, total: 5 }, undefined, 'The migration is running, 5 objects verified migrated'],
  [
    { left: 1, total: 5 },
    new Error('too many requests'),
    'The migration is running, 1/5 objects not yet migrated; transient error: too many requests',
  ],
])('%j reads well', (progress, trouble, expected) => assert.equal(runningMessage(progress, trouble), expected));

describe('the migration to run', () => {
  const next = (...migrations: StorageVersionMigration[]) => nextToRun(migrations)?.metadata.name;

  it('is the oldest that waits, by name among those of one second', () => {
    assert.equal(next(migration('b', 2), migration('a', 3), migration('c', 1, over)), 'b');
    assert.equal(next(migration('b', 2), migration('a', 2)), 'a');
  });

  it('is none while one runs, or is not yet done with', () => {
    assert.equal(next(migration('a', 1), migration('b', 2, running)), undefined);
    assert.equal(next(migration('a', 1), migration('b', 2, withTrue(running, 'Succeeded', 'x', 't'))), undefined);
    assert.equal(next(migration('b', 2, over)), undefined);
  });
});

test('a migration that is over no longer runs; times tell when that changed', () => {
  const again = withTrue(running, 'Running', 'y', 'u');
  assert.deepEqual(again.conditions, [
    { type: 'Running', status: 'True', reason: 'MigrationRunning', message: 'y', lastTransitionTime: 't' },
  ]);
  assert.deepEqual(ended(migration('a', 1, again), 'v').conditions, [
    {
      ...{ type: 'Running', status: 'False', reason: 'MigrationCompleted', message: 'Migration completed' },
      ...{ lastTransitionTime: 'v', observedGeneration: 3 },
    },
  ]);
});
