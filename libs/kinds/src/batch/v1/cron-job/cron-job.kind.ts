import { age, containerCells, nameOf, none, selectorText, since, unset } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { limitedName, subdomainName } from '../../../meta/names.js';
import { cronJobValidator } from './cron-job.validation.js';
import { cronJobWarnings } from './cron-job.warnings.js';

const cells: Cells = (job, now) => [
  nameOf(job),
  job.spec.schedule ?? '',
  job.spec.timeZone ?? none,
  job.spec.suspend === undefined ? unset : job.spec.suspend ? 'True' : 'False',
  (job.status?.active ?? []).length,
  job.status?.lastScheduleTime ? since(job.status.lastScheduleTime, now) : none,
  age(job, now),
  ...containerCells(job.spec.jobTemplate?.spec?.template?.spec),
  selectorText(job.spec.jobTemplate?.spec?.selector),
];

export const cronJobKind: KindModule = {
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  validator: cronJobValidator,
  warnings: cronJobWarnings,
  cells,
  nameFormat: limitedName(subdomainName, 52),
};
