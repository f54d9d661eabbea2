import type { KubeObject } from '#apimachinery';
import { ownValue } from '#apimachinery';
import type { Pod, PodTemplateSpec } from '#kinds';
import { isPodAvailable, isPodReady } from './pods.js';

/** The common shape of ReplicaSet and ReplicationController, as far as keeping a number of pods goes. */
export interface ReplicaOwner extends KubeObject {
  spec: { replicas?: number; minReadySeconds?: number; selector?: any; template?: PodTemplateSpec };
  status?: ReplicaStatus;
}

export interface ReplicaCondition {
  type: string;
  status: string;
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

export interface ReplicaStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  terminatingReplicas?: number;
  observedGeneration?: number;
  conditions?: ReplicaCondition[];
}

/** Pods created or deleted in one go, at most. */
export const BURST_REPLICAS = 500;

export function desiredReplicas(owner: ReplicaOwner): number {
  return owner.spec.replicas ?? 1;
}

/** How many pods to create (positive) or delete (negative) now. */
export function replicaDifference(owner: ReplicaOwner, active: number): number {
  const difference = desiredReplicas(owner) - active;
  return Math.max(-BURST_REPLICAS, Math.min(BURST_REPLICAS, difference));
}

export interface StatusInput {
  active: readonly Pod[];
  /** Absent: the kind does not report them. */
  terminating?: readonly Pod[];
  /** What creating or deleting pods failed with. */
  failure?: unknown;
  /** Milliseconds since the epoch. */
  now: number;
  /** `now` as the API writes it. */
  timestamp: string;
}

/** The status that the owner should have. Zero counts are left out, as the API writes them. */
export function replicaStatus(owner: ReplicaOwner, input: StatusInput): ReplicaStatus {
  const { active, terminating, failure, now, timestamp } = input;
  const minReadySeconds = owner.spec.minReadySeconds ?? 0;
  const labels = Object.entries(owner.spec.template?.metadata?.labels ?? {});
  const status: ReplicaStatus = { replicas: active.length };
  const count = (field: keyof ReplicaStatus, pods: readonly Pod[]) => {
    if (pods.length > 0) (status as any)[field] = pods.length;
  };
  count(
    'fullyLabeledReplicas',
    active.filter((pod) => labels.every(([key, value]) => ownValue(pod.metadata.labels, key) === value)),
  );
  count('readyReplicas', active.filter(isPodReady));
  count(
    'availableReplicas',
    active.filter((pod) => isPodAvailable(pod, minReadySeconds, now)),
  );
  if (terminating) status.terminatingReplicas = terminating.length;
  status.observedGeneration = owner.metadata.generation;
  const conditions = failureConditions(owner, active.length, failure, timestamp);
  if (conditions.length > 0) status.conditions = conditions;
  return status;
}

function failureConditions(
  owner: ReplicaOwner,
  active: number,
  failure: unknown,
  timestamp: string,
): ReplicaCondition[] {
  const conditions = owner.status?.conditions ?? [];
  const known = conditions.some((condition) => condition.type === 'ReplicaFailure');
  if (failure === undefined) return conditions.filter((condition) => condition.type !== 'ReplicaFailure');
  if (known) return conditions;
  const condition: ReplicaCondition = {
    type: 'ReplicaFailure',
    status: 'True',
    lastTransitionTime: timestamp,
    reason: active < desiredReplicas(owner) ? 'FailedCreate' : 'FailedDelete',
    message: failure instanceof Error ? failure.message : String(failure),
  };
  return [...conditions, condition];
}
