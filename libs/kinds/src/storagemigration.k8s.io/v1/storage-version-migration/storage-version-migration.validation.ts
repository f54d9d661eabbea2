import { isDNS1035Label, isDNS1123Subdomain } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { StorageVersionMigration } from '../../../generated/types.js';
import { checkConditions } from '../../../validation/conditions.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';

export const storageVersionMigrationValidator: KindValidator = {
  rules: [
    'spec.resource: resource is required, a DNS label; group is a DNS name',
    'immutable: spec',
    'status: conditions are well-formed',
    'status: Succeeded and Failed exclude each other and stay true',
    'status: resourceVersion is a whole number, and immutable once set',
  ],
  validateCreate(migration: StorageVersionMigration) {
    const at = new FieldCursor();
    check(at, migration);
    return at.all();
  },
  validateUpdate(migration: StorageVersionMigration, old: StorageVersionMigration, { subresource }) {
    if (subresource === 'status') return statusErrors(migration, old);
    const at = new FieldCursor();
    check(at, migration);
    const { group = '', resource = '' } = migration.spec.resource;
    const before = old.spec.resource;
    if (group !== (before.group ?? '') || resource !== before.resource) {
      const shown = new Map([['Resource', goStruct('Group Resource', { group, resource })]]);
      at.invalid('spec', shown, 'field is immutable');
    }
    return at.all();
  },
};

function check(at: FieldCursor, { spec }: StorageVersionMigration): void {
  const { group, resource } = spec.resource;
  if (!resource) at.required('spec.resource.resource', 'resource is required to be set');
  else joined(at, 'spec.resource.resource', resource, isDNS1035Label(resource));
  if (group) joined(at, 'spec.resource.group', group, isDNS1123Subdomain(group));
}

/** All that is wrong in one error. */
function joined(at: FieldCursor, path: string, value: string, problems: readonly string[]): void {
  if (problems.length > 0) at.invalid(path, value, problems.join(','));
}

function isTrue({ status }: StorageVersionMigration, type: string): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
}

function statusErrors(migration: StorageVersionMigration, old: StorageVersionMigration) {
  const at = new FieldCursor('status');
  const { resourceVersion: version = '', conditions } = migration.status ?? {};
  if (version !== '' && !/^[1-9]\d*$/.test(version)) {
    at.invalid('resourceVersion', version, `resource version is not well formed: ${version}`);
  }
  checkConditions(at, conditions);
  const before = old.status?.resourceVersion ?? '';
  if (before !== '' && before !== version) at.invalid('resourceVersion', version, 'field is immutable');
  const refuse = (text: string): void => at.invalid('conditions', conditions, text);
  const [succeeded, failed] = [isTrue(migration, 'Succeeded'), isTrue(migration, 'Failed')];
  if (succeeded && failed) refuse('Both success and failed conditions cannot be true at the same time');
  if (isTrue(old, 'Succeeded') && !succeeded) refuse('Success condition cannot be set to false once it is true');
  if (isTrue(old, 'Failed') && !failed) refuse('Failed condition cannot be set to false once it is true');
  return at.all();
}
