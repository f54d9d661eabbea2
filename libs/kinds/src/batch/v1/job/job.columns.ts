import { humanDuration, parseTime } from '#apimachinery';
import { age, containerCells, isTrue, nameOf, selectorText } from '../../../columns/cells.js';
import type { Cells } from '../../../contract/kind-module.js';

export const jobCells: Cells = (object, now) => [
  nameOf(object),
  jobStatus(object),
  completions(object),
  runTime(object, now),
  age(object, now),
  ...containerCells(object.spec.template?.spec),
  selectorText(object.spec.selector),
];

function jobStatus(object: any): string {
  for (const type of ['Complete', 'Failed']) if (isTrue(object, type)) return type;
  if (object.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const type of ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']) if (isTrue(object, type)) return type;
  return 'Running';
}

function completions({ spec, status }: any): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  return (spec.parallelism ?? 0) > 1 ? `${succeeded}/1 of ${spec.parallelism}` : `${succeeded}/1`;
}

function runTime({ status }: any, now: Date): string {
  const start = status?.startTime ? parseTime(status.startTime) : undefined;
  if (start === undefined) return '';
  const end = status.completionTime ? parseTime(status.completionTime) : undefined;
  return humanDuration((end ?? now.getTime()) - start);
}
