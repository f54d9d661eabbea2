import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { priorityClassValidator } from './priority-class.validation.js';

export const priorityClassKind: KindModule = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  validator: priorityClassValidator,
  // Its generation is set once.
  strategy: { generationOf: [] },
  cells: (object, now) => [
    nameOf(object),
    object.value,
    object.globalDefault ?? false,
    age(object, now),
    object.preemptionPolicy ?? '',
  ],
};
