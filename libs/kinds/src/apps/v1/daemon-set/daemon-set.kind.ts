import { age, containerCells, labelList, nameOf, selectorText } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { specTemplateWarnings, workloadWarnings } from '../../../core/v1/pod/pod-template.warnings.js';
import { rollingUpdate } from '../rolling-update.defaults.js';
import { daemonSetStrategy } from './daemon-set.strategy.js';
import { daemonSetValidator } from './daemon-set.validation.js';

const cells: Cells = (set, now) => [
  nameOf(set),
  set.status?.desiredNumberScheduled ?? 0,
  set.status?.currentNumberScheduled ?? 0,
  set.status?.numberReady ?? 0,
  set.status?.updatedNumberScheduled ?? 0,
  set.status?.numberAvailable ?? 0,
  labelList(set.spec.template?.spec?.nodeSelector),
  age(set, now),
  ...containerCells(set.spec.template?.spec),
  selectorText(set.spec.selector),
];

export const daemonSetKind: KindModule = {
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  strategy: daemonSetStrategy,
  validator: daemonSetValidator,
  warnings: workloadWarnings(specTemplateWarnings, false),
  defaults: {
    'spec.updateStrategy.rollingUpdate.maxUnavailable': rollingUpdate('updateStrategy', 'maxUnavailable', 1),
    'spec.updateStrategy.rollingUpdate.maxSurge': rollingUpdate('updateStrategy', 'maxSurge', 0),
  },
  cells,
};
