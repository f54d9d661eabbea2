import { formatTime, type KubeObject } from '#apimachinery';
import type { Client } from '#client';

const PODS = { group: '', version: 'v1', resource: 'pods' };

export interface PodCondition {
  type: 'PodScheduled';
  status: 'False';
  reason: 'Unschedulable' | 'SchedulerError' | 'SchedulingGated';
  message: string;
  observedGeneration?: number;
  lastProbeTime: null;
  lastTransitionTime: string;
}

/** The condition that says why the pod has no node; undefined when the pod says so already. */
export function scheduledCondition(
  pod: KubeObject,
  reason: PodCondition['reason'],
  message: string,
  now: number,
): PodCondition | undefined {
  const conditions: any[] = pod['status']?.conditions ?? [];
  const old = conditions.find((condition) => condition.type === 'PodScheduled');
  if (old?.status === 'False' && old.reason === reason && old.message === message) return undefined;
  const condition: PodCondition = {
    type: 'PodScheduled',
    status: 'False',
    reason,
    message,
    lastProbeTime: null,
    lastTransitionTime: old?.status === 'False' ? old.lastTransitionTime : formatTime(new Date(now)),
  };
  if (pod.metadata.generation !== undefined) condition.observedGeneration = pod.metadata.generation;
  return condition;
}

/**
 * Conditions merge by type, so a patch touches no other. The uid guards a pod made anew under the name.
 * `nominatedNodeName`: null takes it away, undefined leaves it.
 */
export async function writePodStatus(
  client: Client,
  pod: KubeObject,
  condition: object | undefined,
  nominatedNodeName?: string | null,
): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  const status = {
    ...(condition && { conditions: [condition] }),
    ...(nominatedNodeName !== undefined && { nominatedNodeName }),
  };
  const patch = { metadata: { uid }, status };
  await client.patch(PODS, namespace!, name!, 'application/strategic-merge-patch+json', patch, {
    subresource: 'status',
  });
}
