import type { EventHandler, Expectations } from '#client';
import type { Pod } from '#kinds';
import { controllerOf } from './controller-ref.js';

export interface PodObservation {
  expectations: Expectations;
  /** Key of the owner that counts this pod's creations and deletions; undefined when it is another controller's. */
  ownerKey(pod: Pod): string | undefined;
  /** Queues whoever this pod concerns. */
  wakeFor(pod: Pod): void;
}

/** Keeps expectations with what is seen of pods, and wakes their owner; the former one, too, when that changes. */
export function observePods({ expectations, ownerKey, wakeFor }: PodObservation): EventHandler<Pod> {
  return {
    add: (pod) => {
      const key = ownerKey(pod);
      if (key) expectations.creationObserved(key);
      wakeFor(pod);
    },
    update: (old, pod) => {
      const key = ownerKey(pod);
      if (key && pod.metadata.deletionTimestamp) expectations.deletionObserved(key, pod.metadata.uid!);
      if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) wakeFor(old);
      wakeFor(pod);
    },
    delete: (pod) => {
      const key = ownerKey(pod);
      if (key) expectations.deletionObserved(key, pod.metadata.uid!);
      wakeFor(pod);
    },
  };
}
