import type { KindModule } from '../../../contract/kind-module.js';
import { workloadWarnings } from '../../../core/v1/pod/pod-template.warnings.js';
import { labelsFromTemplate } from '../../../defaults/setters.js';
import { jobCells } from './job.columns.js';
import { jobStrategy } from './job.strategy.js';
import { jobValidator } from './job.validation.js';
import { jobWarnings } from './job.warnings.js';

export const jobKind: KindModule = {
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  strategy: jobStrategy,
  validator: jobValidator,
  warnings: workloadWarnings(({ spec }) => jobWarnings(spec, 'spec')),
  defaults: {
    'spec.completions': ({ spec }) => {
      if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
    },
    'spec.backoffLimit': ({ spec }) => {
      spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647;
    },
    'spec.podReplacementPolicy': ({ spec }) => {
      spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
    },
    'metadata.labels': labelsFromTemplate,
  },
  cells: jobCells,
  fieldLabels: { 'status.successful': (job) => job.status?.succeeded ?? 0 },
};
