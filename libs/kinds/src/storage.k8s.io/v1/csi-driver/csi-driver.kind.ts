import { age, nameOf, none, unset } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { limitedName, subdomainName } from '../../../meta/names.js';
import { csiDriverValidator } from './csi-driver.validation.js';

const cells: Cells = (driver, now) => [
  nameOf(driver),
  driver.spec.attachRequired ?? true,
  driver.spec.podInfoOnMount ?? false,
  driver.spec.storageCapacity ?? false,
  driver.spec.tokenRequests === undefined
    ? unset
    : driver.spec.tokenRequests.map(({ audience }: { audience: string }) => audience).join(','),
  driver.spec.requiresRepublish ?? false,
  (driver.spec.volumeLifecycleModes ?? []).join(',') || none,
  age(driver, now),
];

export const csiDriverKind: KindModule = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  validator: csiDriverValidator,
  defaults: {
    'spec.preventPodSchedulingIfMissing': ({ spec }) => {
      spec.preventPodSchedulingIfMissing ??= false;
    },
  },
  cells,
  nameFormat: limitedName(subdomainName, 63),
  deletion: { returnsObject: true },
};
