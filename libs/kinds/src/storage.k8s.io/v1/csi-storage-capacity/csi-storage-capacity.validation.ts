import { FieldPath, field, isDNS1123Subdomain, Quantity, semanticEqual, validateLabelSelector } from '#apimachinery';
import { shownSelector } from '../../../apps/v1/workload.validation.js';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkSelector } from '../../../core/v1/pod/pod-scheduling.validation.js';
import type { CSIStorageCapacity } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

export const csiStorageCapacityValidator: KindValidator = {
  rules: [
    'nodeTopology is well-formed; an update keeps label values that an older release accepted',
    'storageClassName is a name',
    'capacity is not negative',
    'immutable: nodeTopology, storageClassName',
  ],
  validateCreate: (item: CSIStorageCapacity) => {
    const at = new FieldCursor();
    check(at, item, false);
    return at.all();
  },
  validateUpdate(item: CSIStorageCapacity, old: CSIStorageCapacity) {
    const at = new FieldCursor();
    check(at, item, validateLabelSelector(old.nodeTopology, FieldPath.of('nodeTopology')).length > 0);
    const topology = item.nodeTopology;
    if (!semanticEqual(topology, old.nodeTopology)) {
      at.invalid('nodeTopology', topology && shownSelector(topology), field.FIELD_IMMUTABLE);
    }
    at.immutable('storageClassName', item.storageClassName, old.storageClassName);
    return at.all();
  },
};

function check(at: FieldCursor, item: CSIStorageCapacity, anyLabelValue: boolean): void {
  checkSelector(at, 'nodeTopology', item.nodeTopology, anyLabelValue);
  at.format('storageClassName', item.storageClassName ?? '', isDNS1123Subdomain);
  const capacity = Quantity.parse(item.capacity ?? 0);
  if (capacity.sign() < 0) at.invalid('capacity', capacity.toString(), 'must be greater than or equal to 0');
}
