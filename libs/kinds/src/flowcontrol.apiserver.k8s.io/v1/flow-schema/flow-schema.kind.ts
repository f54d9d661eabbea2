import { age, conditionOf, nameOf, none } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { flowSchemaValidator } from './flow-schema.validation.js';

const cells: Cells = (object, now) => [
  nameOf(object),
  object.spec?.priorityLevelConfiguration?.name ?? '',
  object.spec?.matchingPrecedence ?? 0,
  object.spec?.distinguisherMethod?.type ?? none,
  age(object, now),
  conditionOf(object, 'Dangling')?.status ?? '?',
];

export const flowSchemaKind: KindModule = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  validator: flowSchemaValidator,
  cells,
  statusEndpointWrites: 'status',
};
