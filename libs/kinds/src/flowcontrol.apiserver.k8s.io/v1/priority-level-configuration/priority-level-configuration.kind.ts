import { age, nameOf, none } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { priorityLevelConfigurationValidator } from './priority-level-configuration.validation.js';

const cells: Cells = (object, now) => {
  const { limited, type = '' } = object.spec ?? {};
  const queuing = limited?.limitResponse?.queuing;
  return [
    nameOf(object),
    type,
    limited?.nominalConcurrencyShares ?? none,
    queuing?.queues ?? none,
    queuing?.handSize ?? none,
    queuing?.queueLengthLimit ?? none,
    age(object, now),
  ];
};

export const priorityLevelConfigurationKind: KindModule = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  validator: priorityLevelConfigurationValidator,
  cells,
  statusEndpointWrites: 'status',
};
