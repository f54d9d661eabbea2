import { age, containerCells, labelList, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { isEmpty, labelsFromTemplate } from '../../../defaults/setters.js';
import { specTemplateWarnings, workloadWarnings } from '../pod/pod-template.warnings.js';
import { replicationControllerValidator } from './replication-controller.validation.js';

const cells: Cells = (controller, now) => [
  nameOf(controller),
  controller.spec.replicas ?? 0,
  controller.status?.replicas ?? 0,
  controller.status?.readyReplicas ?? 0,
  age(controller, now),
  ...containerCells(controller.spec.template?.spec),
  labelList(controller.spec.selector),
];

export const replicationControllerKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  strategy: { defaultPropagation: 'Orphan' },
  validator: replicationControllerValidator,
  warnings: workloadWarnings(specTemplateWarnings),
  defaults: {
    'spec.selector': ({ spec }) => {
      const labels = spec.template?.metadata?.labels;
      if (isEmpty(spec.selector) && !isEmpty(labels)) spec.selector = { ...labels };
    },
    'metadata.labels': labelsFromTemplate,
  },
  cells,
  fieldLabels: { 'status.replicas': (object) => object.status?.replicas ?? 0 },
};
