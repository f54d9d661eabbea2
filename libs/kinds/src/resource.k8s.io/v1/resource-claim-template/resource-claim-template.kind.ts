import { nameAndAge } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { resourceClaimTemplateValidator } from './resource-claim-template.validation.js';

export const resourceClaimTemplateKind: KindModule = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  validator: resourceClaimTemplateValidator,
  cells: nameAndAge,
  deletion: { returnsObject: true },
};
