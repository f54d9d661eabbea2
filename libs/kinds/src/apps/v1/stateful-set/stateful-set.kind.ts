import { age, containerCells, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { nothing } from '../../../defaults/setters.js';
import { inGivenRollingUpdate } from '../rolling-update.defaults.js';
import { statefulSetStrategy } from './stateful-set.strategy.js';
import { statefulSetValidator } from './stateful-set.validation.js';
import { statefulSetWarnings } from './stateful-set.warnings.js';

const cells: Cells = (set, now) => [
  nameOf(set),
  `${set.status?.readyReplicas ?? 0}/${set.spec.replicas ?? 0}`,
  age(set, now),
  ...containerCells(set.spec.template?.spec),
];

export const statefulSetKind: KindModule = {
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  strategy: statefulSetStrategy,
  validator: statefulSetValidator,
  warnings: statefulSetWarnings,
  defaults: {
    'spec.updateStrategy.type': ({ spec }) => {
      spec.updateStrategy ??= {};
      if (spec.updateStrategy.type) return;
      spec.updateStrategy.type = 'RollingUpdate';
      spec.updateStrategy.rollingUpdate ??= {};
    },
    'spec.updateStrategy.rollingUpdate': nothing,
    'spec.updateStrategy.rollingUpdate.partition': inGivenRollingUpdate('partition', 0),
    'spec.updateStrategy.rollingUpdate.maxUnavailable': inGivenRollingUpdate('maxUnavailable', 1),
  },
  cells,
};
