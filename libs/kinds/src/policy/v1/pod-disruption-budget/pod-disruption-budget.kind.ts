import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { podDisruptionBudgetValidator } from './pod-disruption-budget.validation.js';

export const podDisruptionBudgetKind: KindModule = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  validator: podDisruptionBudgetValidator,
  cells: (object, now) => [
    nameOf(object),
    String(object.spec?.minAvailable ?? 'N/A'),
    String(object.spec?.maxUnavailable ?? 'N/A'),
    object.status?.disruptionsAllowed ?? 0,
    age(object, now),
  ],
};
