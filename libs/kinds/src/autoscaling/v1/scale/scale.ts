import { formatLabelSelector, type KubeObject } from '#apimachinery';
import type { Scale } from '../../../generated/types.js';

/** The scale subresource of deployments, replica sets, stateful sets and replication controllers. */

/** What `GET .../scale` answers for an object. */
export function scaleOf(object: KubeObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const status: { replicas: number; selector?: string } = { replicas: object.status?.replicas ?? 0 };
  const selector = selectorText(object);
  if (selector !== '') status.selector = selector;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: object.spec?.replicas ? { replicas: object.spec.replicas } : {},
    status,
  };
}

/** Writes the wanted replicas of a Scale into the object. Preconditions (uid, resourceVersion) are the registry's. */
export function applyScale(object: KubeObject, scale: Pick<Scale, 'spec'>): void {
  object.spec.replicas = scale.spec?.replicas ?? 0;
}

function selectorText(object: KubeObject): string {
  const selector = object.spec?.selector;
  if (selector === undefined || selector === null) return '';
  if (object.kind === 'ReplicationController') return equalities(selector).join(',');
  return formatLabelSelector(selector);
}

function equalities(labels: Record<string, string>): string[] {
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`);
}
