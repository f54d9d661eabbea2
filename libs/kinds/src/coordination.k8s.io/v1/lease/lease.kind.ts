import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { leaseValidator } from './lease.validation.js';

export const leaseKind: KindModule = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  validator: leaseValidator,
  cells: (object, now) => [nameOf(object), object.spec?.holderIdentity ?? '', age(object, now)],
};
