import type { KubeObject } from '#apimachinery';
import type { Container, Job, Pod } from '#kinds';
import { podFromTemplate } from '../workload/pod-control.js';
import { COMPLETION_INDEX } from './completion-indexes.js';
import { hasLimitPerIndex, judge, type NewPod, TRACKING_FINALIZER } from './job.plan.js';
import { failureAnnotations } from './job-backoff.js';

const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';
/** The server adds five random characters to a generated name, and cuts it at 63. */
const GENERATED_NAME_LIMIT = 58;

/** The pod of a Job; with an index for one completion of an Indexed Job. */
export function buildJobPod(job: Job, { index, replaces }: NewPod): Pod {
  const pod = podFromTemplate(job.spec.template, job as KubeObject);
  const { finalizers = [] } = pod.metadata;
  pod.metadata.finalizers = finalizers.includes(TRACKING_FINALIZER) ? finalizers : [...finalizers, TRACKING_FINALIZER];
  if (index === undefined) return pod;
  const text = String(index);
  const suffix = `-${text}-`;
  pod.metadata.generateName = job.metadata.name!.slice(0, GENERATED_NAME_LIMIT - suffix.length) + suffix;
  pod.metadata.labels = { ...pod.metadata.labels, [COMPLETION_INDEX]: text };
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [COMPLETION_INDEX]: text,
    ...(hasLimitPerIndex(job) ? failureAnnotations(replaces, !replaces || judge(job, replaces).counts) : {}),
  };
  pod.spec = {
    ...pod.spec,
    hostname: `${job.metadata.name}-${text}`,
    containers: pod.spec.containers.map(withIndex),
    ...(pod.spec.initContainers ? { initContainers: pod.spec.initContainers.map(withIndex) } : {}),
  };
  return pod;
}

function withIndex(container: Container): Container {
  if (container.env?.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const fieldRef = { apiVersion: 'v1', fieldPath: `metadata.labels['${COMPLETION_INDEX}']` };
  return { ...container, env: [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef } }] };
}
