import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { serviceCidrValidator } from './service-cidr.validation.js';

export const serviceCidrKind: KindModule = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  validator: serviceCidrValidator,
  cells: (object, now) => [nameOf(object), (object.spec?.cidrs ?? []).join(','), age(object, now)],
  statusEndpointWrites: 'status',
};
