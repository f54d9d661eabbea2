import { MIRROR_POD_ANNOTATION } from '#kinds';
import type { Pod } from './pod.js';

/** Where a pod comes from, in the annotations that upstream's tools read. */
export const SourceAnnotation = {
  /** `file` for a static pod, `api` for any other. The agent writes it: what a client says here does not count. */
  source: 'kubernetes.io/config.source',
  hash: 'kubernetes.io/config.hash',
  seen: 'kubernetes.io/config.seen',
  /** On the API's copy of a static pod: the hash of what it is a copy of. */
  mirror: MIRROR_POD_ANNOTATION,
} as const;

/** The priority of system-cluster-critical. */
const SYSTEM_CRITICAL = 2_000_000_000;

export function isStatic(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[SourceAnnotation.source];
  return source !== undefined && source !== 'api';
}

export function isMirror(pod: Pod): boolean {
  return pod.metadata.annotations?.[SourceAnnotation.mirror] !== undefined;
}

/** The node is of no use without it: others make room for it, and it is never evicted. */
export function isCritical(pod: Pod): boolean {
  return isStatic(pod) || isMirror(pod) || (pod.spec.priority ?? 0) >= SYSTEM_CRITICAL;
}

/** A pod of the API, whatever its annotations say. */
export function fromApi(pod: Pod): Pod {
  if (!isStatic(pod)) return pod;
  const annotations = { ...pod.metadata.annotations, [SourceAnnotation.source]: 'api' };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}
