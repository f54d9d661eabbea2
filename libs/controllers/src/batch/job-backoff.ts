import { largest, ownValue } from '#apimachinery';
import type { ContainerStatus, Pod } from '#kinds';

/** How long a Job waits before it replaces pods that failed. Times are milliseconds. */

const INITIAL = 10_000;
const LONGEST = 600_000;

const FAILURES = 'batch.kubernetes.io/job-index-failure-count';
const IGNORED_FAILURES = 'batch.kubernetes.io/job-index-ignored-failure-count';

export interface BackoffRecord {
  /** Failures since the last success. */
  failures: number;
  /** When the last of them ended. */
  last?: number;
}

/** The record after these pods have newly succeeded and failed. */
export function nextRecord(record: BackoffRecord, succeeded: readonly Pod[], failed: readonly Pod[]): BackoffRecord {
  const ends = failed.map(finishedTime);
  if (succeeded.length === 0) {
    return ends.length === 0 ? record : { failures: record.failures + ends.length, last: largest(ends, 0) };
  }
  const success = largest(succeeded.map(finishedTime), 0);
  const later = ends.filter((end) => end > success);
  return later.length === 0 ? { failures: 0 } : { failures: later.length, last: largest(later, 0) };
}

/** How long the replacement of failed pods still waits: 10 s after the first failure, twice as long after each further one. */
export function backoffLeft({ failures, last }: BackoffRecord, now: number): number {
  if (failures === 0 || last === undefined) return 0;
  const delay = Math.min(INITIAL * 2 ** (failures - 1), LONGEST);
  return Math.max(0, last + delay - now);
}

/** The same for one index, of which `pod` failed last. */
export function indexBackoffLeft(pod: Pod | undefined, now: number): number {
  return pod ? backoffLeft({ failures: allFailuresOf(pod) + 1, last: finishedTime(pod) }, now) : 0;
}

/** When the pod ended: its last container, or else when it stopped being ready, or when its deletion was asked for. */
export function finishedTime(pod: Pod): number {
  const { status, spec, metadata } = pod;
  const sidecars = new Set(
    (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name),
  );
  // Sidecars end after the other containers.
  const ends = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ].map(endOf);
  if (ends.length > 0 && !ends.some(Number.isNaN)) return largest(ends, 0);
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  if (metadata.deletionTimestamp) {
    return Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  }
  return Date.parse(metadata.creationTimestamp!);
}

function endOf({ state }: ContainerStatus): number {
  return Date.parse(state?.terminated?.finishedAt ?? '');
}

/** Failures of the index before this pod that count towards its limit. */
export function failuresBefore(pod: Pod): number {
  return countIn(pod, FAILURES);
}

/** Failures of the index before this pod, those that the policy ignores among them. */
export function allFailuresOf(pod: Pod): number {
  return countIn(pod, FAILURES) + countIn(pod, IGNORED_FAILURES);
}

/** The annotations of the pod that replaces `failed`; of the first pod of an index without one. */
export function failureAnnotations(failed: Pod | undefined, counts: boolean): Record<string, string> {
  if (!failed) return { [FAILURES]: '0' };
  const ignored = countIn(failed, IGNORED_FAILURES) + (counts ? 0 : 1);
  return {
    [FAILURES]: String(countIn(failed, FAILURES) + (counts ? 1 : 0)),
    ...(ignored > 0 ? { [IGNORED_FAILURES]: String(ignored) } : {}),
  };
}

/** Anybody may write annotations: what is no count is none. */
function countIn(pod: Pod, annotation: string): number {
  const text = ownValue(pod.metadata.annotations, annotation) ?? '';
  const value = /^\+?\d+$/.test(text) ? Number(text) : 0;
  return value <= 0x7fffffff ? value : 0;
}
