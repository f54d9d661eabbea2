import type { PodStatus } from '#kinds';

/** The part of a pod's status that says that it is deleted for a reason outside of it. */
export function disruptionStatus(reason: string, message: string, timestamp: string): Partial<PodStatus> {
  return {
    conditions: [{ type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime: timestamp }],
  };
}
