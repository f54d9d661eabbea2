import type { KubeObject, OwnerReference } from '#apimachinery';
import { ownValue } from '#apimachinery';
import type { Pod } from '../pod/pod.js';
import { SourceAnnotation } from '../pod/pod-source.js';

/** Pure: the API's copy of a static pod, through which others see it. The node owns it. */
export function mirrorOf(pod: Pod, node: KubeObject): KubeObject {
  const { name, namespace, labels, annotations = {} } = pod.metadata;
  const owner: OwnerReference = {
    apiVersion: 'v1',
    kind: 'Node',
    name: node.metadata.name!,
    uid: node.metadata.uid!,
    controller: true,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [SourceAnnotation.mirror]: annotations[SourceAnnotation.hash]! },
      ownerReferences: [owner],
    },
    spec: pod.spec,
    status: { phase: 'Pending' },
  };
}

export type MirrorStep = 'create' | 'delete' | 'report' | 'none';

/**
 * Pure: what to do next so that the API has the copy that it should have: one of each static pod, none of any other. A copy
 * that a user deletes is finished off, since nobody else will, and comes anew.
 */
export function mirrorStep(pod: Pod | undefined, mirror: Pod | undefined): MirrorStep {
  if (!mirror) return pod ? 'create' : 'none';
  if (!pod || mirror.metadata.deletionTimestamp !== undefined) return 'delete';
  const hash = (side: Pod, annotation: string) => ownValue(side.metadata.annotations, annotation);
  return hash(mirror, SourceAnnotation.mirror) === hash(pod, SourceAnnotation.hash) ? 'report' : 'delete';
}
