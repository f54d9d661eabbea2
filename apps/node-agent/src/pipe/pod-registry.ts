import type { PodWorker } from './pod-worker.js';

/** Milliseconds. */
const DISCARD_LIMIT = 5000;
const DISCARD_POLL = 100;

/** The workers of all pods of the node, by uid: who asks about a pod asks here. */
export class PodRegistry {
  private readonly byUid = new Map<string, PodWorker>();
  private allKnown = false;

  get(uid: string): PodWorker | undefined {
    return this.byUid.get(uid);
  }

  byName(namespace: string, name: string): PodWorker | undefined {
    return [...this.byUid.values()].find(({ pod: { metadata }, state }) => {
      return metadata.namespace === namespace && metadata.name === name && !state.removed;
    });
  }

  workers(): Iterable<PodWorker> {
    return this.byUid.values();
  }

  /** Those that hold resources of the node. */
  occupants(): PodWorker[] {
    return [...this.byUid.values()].filter(({ occupies }) => occupies);
  }

  /** False until the wanted pods are known: before that nothing may count as unwanted. */
  get isComplete(): boolean {
    return this.allKnown;
  }

  markComplete(): void {
    this.allKnown = true;
  }

  add(uid: string, worker: PodWorker): void {
    this.byUid.set(uid, worker);
  }

  delete(uid: string): void {
    this.byUid.delete(uid);
  }

  /** Removes dead containers of pods that have ended; waits a moment for that. */
  async discardEnded(): Promise<void> {
    const end = Date.now() + DISCARD_LIMIT;
    const discard = () => [...this.byUid.values()].filter((worker) => worker.discardRemains()).length;
    while (discard() > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, DISCARD_POLL));
  }

  close(): void {
    for (const worker of this.byUid.values()) worker.close();
    this.byUid.clear();
  }
}
