import { age, containerCells, nameOf, selectorText } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { specTemplateWarnings, workloadWarnings } from '../../../core/v1/pod/pod-template.warnings.js';
import { rollingUpdate } from '../rolling-update.defaults.js';
import { deploymentStrategy } from './deployment.strategy.js';
import { deploymentValidator } from './deployment.validation.js';

const cells: Cells = (object, now) => [
  nameOf(object),
  `${object.status?.readyReplicas ?? 0}/${object.spec.replicas ?? 0}`,
  object.status?.updatedReplicas ?? 0,
  object.status?.availableReplicas ?? 0,
  age(object, now),
  ...containerCells(object.spec.template?.spec),
  selectorText(object.spec.selector),
];

export const deploymentKind: KindModule = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  strategy: deploymentStrategy,
  validator: deploymentValidator,
  warnings: workloadWarnings(specTemplateWarnings),
  defaults: {
    'spec.strategy.rollingUpdate.maxUnavailable': rollingUpdate('strategy', 'maxUnavailable', '25%'),
    'spec.strategy.rollingUpdate.maxSurge': rollingUpdate('strategy', 'maxSurge', '25%'),
  },
  cells,
};
