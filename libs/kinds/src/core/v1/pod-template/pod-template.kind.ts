import { containerCells, labelList, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { templateWarnings, workloadWarnings } from '../pod/pod-template.warnings.js';
import { podTemplateValidator } from './pod-template.validation.js';

export const podTemplateKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  strategy: { generationOf: ['template'] },
  validator: podTemplateValidator,
  warnings: workloadWarnings(({ template }) => templateWarnings(template, 'template'), false),
  cells: (object) => [
    nameOf(object),
    ...containerCells(object.template?.spec),
    labelList(object.template?.metadata?.labels),
  ],
  deletion: { returnsObject: true },
};
