import type { Logger } from '#client';
import type { ObservedPod } from '../observe/observed-pod.js';
import type { Observer } from '../observe/observer.js';
import { Annotation } from '../pod/labels.js';
import type { Pod } from '../pod/pod.js';
import { PodWorker, type WorkerContext } from './pod-worker.js';

/** Milliseconds. */
const DISCARD_LIMIT = 5000;
const DISCARD_POLL = 100;

/** All pods of the node: those that the API server wants here, and those that are still here though nobody wants them. */
export class PodPool {
  private readonly byUid = new Map<string, PodWorker>();
  /** False until the wanted pods are known: before that nothing may count as unwanted. */
  private allKnown = false;

  constructor(
    private readonly context: Omit<WorkerContext, 'onGone' | 'occupants'>,
    private readonly observer: Observer,
    private readonly logger: Logger,
    private readonly onGone: (uid: string) => void,
    /** Whether this agent made the pod: another one may use the same runtime. */
    private readonly isOurs: (uid: string) => Promise<boolean>,
  ) {}

  get(uid: string): PodWorker | undefined {
    return this.byUid.get(uid);
  }

  get isComplete(): boolean {
    return this.allKnown;
  }

  /** Those that hold resources of the node. */
  occupants(): PodWorker[] {
    return [...this.byUid.values()].filter(({ occupies }) => occupies);
  }

  workers(): Iterable<PodWorker> {
    return this.byUid.values();
  }

  /** Removes dead containers of pods that have ended; waits a moment for that. */
  async discardEnded(): Promise<void> {
    const end = Date.now() + DISCARD_LIMIT;
    const discard = () => [...this.byUid.values()].filter((worker) => worker.discardRemains()).length;
    while (discard() > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, DISCARD_POLL));
  }

  byName(namespace: string, name: string): PodWorker | undefined {
    for (const worker of this.byUid.values()) {
      const { metadata } = worker.pod;
      if (metadata.namespace === namespace && metadata.name === name && !worker.state.removed) return worker;
    }
    return undefined;
  }

  set(pod: Pod): void {
    const { uid } = pod.metadata;
    const worker = this.byUid.get(uid);
    if (worker) worker.update(pod);
    else this.add(pod, false);
  }

  /** The pod is gone from the API server. */
  delete(uid: string): void {
    this.byUid.get(uid)?.remove();
  }

  /** The pods that are wanted are all known now: what the runtime has besides is stopped and removed. */
  complete(): void {
    this.allKnown = true;
    for (const pod of this.observer.pods()) void this.adoptOrphan(pod);
    // Whoever came first is admitted first.
    for (const worker of [...this.byUid.values()].sort(byCreation)) worker.wake();
  }

  /** The runtime's view of a pod changed. */
  changed(uid: string, outOfMemory: boolean): void {
    const worker = this.byUid.get(uid);
    if (worker) {
      if (outOfMemory) worker.noteOutOfMemory();
      worker.wake();
      return;
    }
    const observed = this.observer.get(uid);
    if (observed && this.allKnown) void this.adoptOrphan(observed);
  }

  close(): void {
    for (const worker of this.byUid.values()) worker.close();
    this.byUid.clear();
  }

  private add(pod: Pod, removed: boolean): void {
    const { uid } = pod.metadata;
    const worker = new PodWorker(
      {
        ...this.context,
        occupants: () => this.occupants(),
        onGone: () => {
          this.byUid.delete(uid);
          this.onGone(uid);
        },
      },
      pod,
      removed,
    );
    this.byUid.set(uid, worker);
    worker.wake();
  }

  private async adoptOrphan(observed: ObservedPod): Promise<void> {
    const { uid, namespace, name } = observed;
    // Without our labels it belongs to somebody else who uses the same runtime.
    if (this.byUid.has(uid) || !name || !namespace || !(await this.isOurs(uid))) return;
    if (this.byUid.has(uid) || !this.observer.get(uid)) return;
    this.logger.info('stopping a pod that is no longer wanted', { pod: `${namespace}/${name}`, uid });
    const annotations = observed.containers[0]?.annotations ?? {};
    const grace = annotations[Annotation.deletionGracePeriod] ?? annotations[Annotation.terminationGracePeriod];
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { uid, namespace, name },
      spec: { containers: [], ...(grace !== undefined ? { terminationGracePeriodSeconds: Number(grace) } : {}) },
      status: {},
    };
    this.add(pod, true);
  }
}

function byCreation(a: PodWorker, b: PodWorker): number {
  return (a.pod.metadata.creationTimestamp ?? '').localeCompare(b.pod.metadata.creationTimestamp ?? '');
}
