import { age, containerCells, nameOf, selectorText } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { specTemplateWarnings, workloadWarnings } from '../../../core/v1/pod/pod-template.warnings.js';
import { replicaSetValidator } from './replica-set.validation.js';

const cells: Cells = (set, now) => [
  nameOf(set),
  set.spec.replicas ?? 0,
  set.status?.replicas ?? 0,
  set.status?.readyReplicas ?? 0,
  age(set, now),
  ...containerCells(set.spec.template?.spec),
  selectorText(set.spec.selector),
];

export const replicaSetKind: KindModule = {
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  validator: replicaSetValidator,
  warnings: workloadWarnings(specTemplateWarnings),
  cells,
  fieldLabels: { 'status.replicas': (object) => object.status?.replicas ?? 0 },
};
