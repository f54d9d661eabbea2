import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';

export const priorityClassKind: KindModule = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
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
