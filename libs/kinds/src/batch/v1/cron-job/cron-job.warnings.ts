import type { KindWarnings } from '../../../contract/kind-module.js';
import { workloadWarnings } from '../../../core/v1/pod/pod-template.warnings.js';
import { jobWarnings } from '../job/job.warnings.js';

const ofTemplate = workloadWarnings(({ spec }) => jobWarnings(spec.jobTemplate.spec, 'spec', 'jobTemplate', 'spec'));

export const cronJobWarnings: KindWarnings = (object, old) => {
  const warnings = ofTemplate(object, old);
  if (old === undefined || !String(object.spec.schedule).includes('TZ')) return warnings;
  // The path is upstream's.
  const text =
    'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';
  return [...warnings, text];
};
