import { groupOf, type OwnerReference } from '#apimachinery';
import { age, nameOf, none } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { controllerRevisionValidator } from './controller-revision.validation.js';

const cells: Cells = (revision, now) => {
  const owner = (revision.metadata.ownerReferences ?? []).find((item: OwnerReference) => item.controller === true);
  return [nameOf(revision), owner === undefined ? none : ownerName(owner), revision.revision ?? 0, age(revision, now)];
};

function ownerName(owner: OwnerReference): string {
  const group = groupOf(owner.apiVersion);
  const kind = group === '' ? owner.kind : `${owner.kind}.${group}`;
  return `${kind.toLowerCase()}/${owner.name}`;
}

export const controllerRevisionKind: KindModule = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  validator: controllerRevisionValidator,
  cells,
};
