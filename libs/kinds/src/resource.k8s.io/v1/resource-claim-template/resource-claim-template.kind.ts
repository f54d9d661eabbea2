import { nameAndAge } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';

export const resourceClaimTemplateKind: KindModule = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  cells: nameAndAge,
  deletion: { returnsObject: true },
};
