import { templateWarnings } from '../../../core/v1/pod/pod-template.warnings.js';
import type { JobSpec } from '../../../generated/types.js';

/** Pods per Job beyond which indexes that failed may be too many to be told apart. */
const manyCompletions = 100_000;
const muchParallelism = 10_000;

export function jobWarnings(spec: JobSpec, ...path: string[]): readonly string[] {
  const { completionMode, completions = 0, parallelism = 0 } = spec;
  const pods = templateWarnings(spec.template, ...path, 'template');
  if (completionMode !== 'Indexed' || completions <= manyCompletions || parallelism <= muchParallelism) return pods;
  const text =
    'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail';
  return [`${path.join('.')}: ${text}`, ...pods];
}
