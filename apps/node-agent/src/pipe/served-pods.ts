import type { ObservedPod } from '../observe/observed-pod.js';
import type { Observer } from '../observe/observer.js';
import type { Pod } from '../pod/pod.js';
import type { PodRegistry } from './pod-registry.js';

/** The node's pods as its server shows them: `NodePods` of the server. */
export class ServedPods {
  constructor(
    private readonly registry: PodRegistry,
    private readonly observer: Observer,
  ) {}

  list(): readonly Pod[] {
    return [...this.registry.workers()].filter(({ state }) => !state.removed).map((worker) => worker.reportedPod());
  }

  find(namespace: string, name: string): Pod | undefined {
    return this.registry.byName(namespace, name)?.reportedPod();
  }

  observed(uid: string): ObservedPod | undefined {
    return this.observer.get(uid);
  }

  onObserved(uid: string, listener: () => void): () => void {
    return this.observer.onChangeOf(uid, listener);
  }
}
