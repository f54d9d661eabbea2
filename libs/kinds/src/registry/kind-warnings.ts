import { isDNS1123Label, type KubeObject } from '#apimachinery';
import {
  persistentVolumeClaimWarnings,
  persistentVolumeWarnings,
} from '../core/v1/persistent-volume/persistent-volume.warnings.js';
import { podWarnings } from '../core/v1/pod/pod.warnings.js';
import { warnOfClaim } from '../core/v1/pod/pod-volumes.warnings.js';
import type { JobSpec, PodTemplateSpec, StatefulSet } from '../generated/types.js';
import { WarningCursor } from '../validation/warning-cursor.js';

/** What a writer of a good object is told of it; `old` is undefined at a create. Not asked at updates of subresources. */
export type KindWarnings = (object: any, old: KubeObject | undefined) => readonly string[];

const none: readonly string[] = [];
/** Pods per Job beyond which indexes that failed may be too many to be told apart. */
const manyCompletions = 100_000;
const muchParallelism = 10_000;

/** Of the templates of a workload: looked at when they may have changed. */
function workload(find: (object: any) => readonly string[], namesPods = true): KindWarnings {
  return (object, old) => {
    if (old !== undefined) return old.metadata.generation === object.metadata.generation ? none : find(object);
    return namesPods ? [...nameWarnings(object, 'used in Pod names and hostnames'), ...find(object)] : find(object);
  };
}

function nameWarnings({ metadata }: KubeObject, use: string): readonly string[] {
  const messages = isDNS1123Label(metadata.name ?? '');
  if (messages.length === 0) return none;
  return [
    `metadata.name: this is ${use}, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
  ];
}

function templateWarnings(template: PodTemplateSpec | undefined, ...path: string[]): readonly string[] {
  if (template?.spec === undefined) return none;
  return podWarnings(template.spec, template.metadata ?? {}, ...path);
}

const ofTemplate = ({ spec }: any): readonly string[] => templateWarnings(spec.template, 'spec', 'template');

function jobWarnings(spec: JobSpec, ...path: string[]): readonly string[] {
  const { completionMode, completions = 0, parallelism = 0 } = spec;
  const pods = templateWarnings(spec.template, ...path, 'template');
  if (completionMode !== 'Indexed' || completions <= manyCompletions || parallelism <= muchParallelism) return pods;
  const text =
    'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail';
  return [`${path.join('.')}: ${text}`, ...pods];
}

const statefulSetWarnings: KindWarnings = (set: StatefulSet, old) => {
  const at = new WarningCursor('spec');
  set.spec.volumeClaimTemplates?.forEach((claim, i) => {
    at.enter(old === undefined ? `volumeClaimTemplates[${i}]` : `volumeClaimTemplates[${i}].Spec`);
    warnOfClaim(at, claim.spec);
    at.leave();
  });
  if ((set.spec.revisionHistoryLimit ?? 0) < 0) {
    at.warn('revisionHistoryLimit', 'a negative value retains all historical revisions; a value >= 0 is recommended');
  }
  return [...workload(ofTemplate, false)(set, old), ...at.warnings];
};

const cronJobWarnings: KindWarnings = (object, old) => {
  const ofJob = ({ spec }: any) => jobWarnings(spec.jobTemplate.spec, 'spec', 'jobTemplate', 'spec');
  const warnings = workload(ofJob)(object, old);
  if (old === undefined || !String(object.spec.schedule).includes('TZ')) return warnings;
  // The path is upstream's.
  const text =
    'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';
  return [...warnings, text];
};

export const kindWarnings: Readonly<Record<string, KindWarnings>> = {
  'v1/Pod': (pod, old) => {
    // People rarely update pods, and others do so often.
    if (old !== undefined) return none;
    return [...nameWarnings(pod, "used in the Pod's hostname"), ...podWarnings(pod.spec, pod.metadata)];
  },
  'v1/PodTemplate': workload(({ template }) => templateWarnings(template, 'template'), false),
  'v1/ReplicationController': workload(ofTemplate),
  'apps/v1/ReplicaSet': workload(ofTemplate),
  'apps/v1/Deployment': workload(ofTemplate),
  'apps/v1/DaemonSet': workload(ofTemplate, false),
  'apps/v1/StatefulSet': statefulSetWarnings,
  'batch/v1/Job': workload(({ spec }) => jobWarnings(spec, 'spec')),
  'batch/v1/CronJob': cronJobWarnings,
  'v1/PersistentVolume': persistentVolumeWarnings,
  'v1/PersistentVolumeClaim': persistentVolumeClaimWarnings,
};
