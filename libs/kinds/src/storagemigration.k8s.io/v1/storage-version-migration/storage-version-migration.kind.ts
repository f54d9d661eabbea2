import { nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { storageVersionMigrationValidator } from './storage-version-migration.validation.js';

const cells: Cells = (migration) => {
  const { resource, group } = migration.spec?.resource ?? {};
  const conditions: { type: string; status: string }[] = migration.status?.conditions ?? [];
  const state = conditions.findLast(
    ({ type, status }) => status === 'True' && ['Running', 'Failed', 'Succeeded'].includes(type),
  );
  return [nameOf(migration), group ? `${resource}.${group}` : resource, state?.type ?? 'Unknown'];
};

export const storageVersionMigrationKind: KindModule = {
  group: 'storagemigration.k8s.io',
  version: 'v1',
  kind: 'StorageVersionMigration',
  validator: storageVersionMigrationValidator,
  cells,
  statusEndpointWrites: 'status',
};
