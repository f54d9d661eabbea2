import { deepEqual, largest } from '#apimachinery';
import type { NamespaceCondition, NamespaceStatus } from '#kinds';
import { blockers, type RemainingObjects } from './namespace-blockers.js';

/** What is left of a namespace that is going away, and the conditions that say so. Pure. */

export interface DeletionOutcome {
  remaining: readonly RemainingObjects[];
  errors: readonly string[];
}

/** Whoever waits for finalizers looks again after this. Seconds. */
const FINALIZER_ESTIMATE = 15;

const TYPES = [
  'NamespaceDeletionDiscoveryFailure',
  'NamespaceDeletionGroupVersionParsingFailure',
  'NamespaceDeletionContentFailure',
  'NamespaceContentRemaining',
  'NamespaceFinalizersRemaining',
  // Ours: the reference counts what is left, and this one names it.
  'NamespaceDeletionBlocked',
] as const;

const FINE: Record<(typeof TYPES)[number], [reason: string, message: string]> = {
  NamespaceDeletionDiscoveryFailure: ['ResourcesDiscovered', 'All resources successfully discovered'],
  NamespaceDeletionGroupVersionParsingFailure: ['ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  NamespaceDeletionContentFailure: [
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  ],
  NamespaceContentRemaining: ['ContentRemoved', 'All content successfully removed'],
  NamespaceFinalizersRemaining: ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
  NamespaceDeletionBlocked: ['NothingRemains', 'Nothing keeps the namespace'],
};

/** The status with its conditions brought up to date; the same object when nothing changed. */
export function deletionStatus(status: NamespaceStatus, outcome: DeletionOutcome, timestamp: string): NamespaceStatus {
  const troubles = troublesOf(outcome);
  const conditions = [...(status.conditions ?? [])];
  for (const type of TYPES) {
    const trouble = troubles.get(type);
    const [reason, message] = trouble ?? FINE[type];
    const wanted = { type, status: trouble ? 'True' : 'False', reason, message } as const;
    const at = conditions.findIndex((condition) => condition.type === type);
    const old = conditions[at];
    if (!old) conditions.push({ ...wanted, lastTransitionTime: timestamp } as NamespaceCondition);
    else {
      const lastTransitionTime = old.status === wanted.status ? old.lastTransitionTime : timestamp;
      conditions[at] = { ...wanted, lastTransitionTime } as NamespaceCondition;
    }
  }
  return deepEqual(conditions, status.conditions) ? status : { ...status, conditions };
}

function troublesOf({ remaining, errors }: DeletionOutcome): Map<string, [string, string]> {
  const troubles = new Map<string, [string, string]>();
  if (errors.length > 0) {
    const text = [...errors].sort().join(', ');
    const message = `Failed to delete all resource types, ${errors.length} remaining: ${text}`;
    troubles.set('NamespaceDeletionContentFailure', ['ContentDeletionFailed', message]);
  }
  const left = remaining.filter(({ objects }) => objects.length > 0);
  if (left.length > 0) {
    const counts = left.map(({ resource, objects }) => `${resource} has ${objects.length} resource instances`).sort();
    const message = `Some resources are remaining: ${counts.join(', ')}`;
    troubles.set('NamespaceContentRemaining', ['SomeResourcesRemain', message]);
  }
  const finalizers = new Map<string, number>();
  for (const { objects } of left) {
    for (const { metadata } of objects) {
      for (const finalizer of metadata.finalizers ?? [])
        finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    }
  }
  if (finalizers.size > 0) {
    const counts = [...finalizers].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`).sort();
    const message = `Some content in the namespace has finalizers remaining: ${counts.join(', ')}`;
    troubles.set('NamespaceFinalizersRemaining', ['SomeFinalizersRemain', message]);
  }
  const blocking = blockers(left);
  if (blocking) troubles.set('NamespaceDeletionBlocked', ['ObjectsRemain', blocking]);
  return troubles;
}

/** Milliseconds after which to look again at what is left. */
export function nextLook(outcome: DeletionOutcome): number {
  const objects = outcome.remaining.flatMap((entry) => entry.objects);
  const grace = largest(
    objects.map(({ metadata }) => metadata.deletionGracePeriodSeconds ?? 0),
    0,
  );
  const finalizing = objects.some(({ metadata }) => (metadata.finalizers ?? []).length > 0);
  const seconds = Math.max(grace, finalizing ? FINALIZER_ESTIMATE : 0);
  return Math.max(1, Math.floor(seconds / 2) + 1) * 1000;
}
