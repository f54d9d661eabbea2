import type { Logger } from '#client';
import type { ObservedPod } from '../observe/observed-pod.js';
import type { Observer } from '../observe/observer.js';
import { Annotation } from '../pod/labels.js';
import type { Pod } from '../pod/pod.js';
import type { PodRegistry } from './pod-registry.js';
import { PodWorker, type WorkerContext } from './pod-worker.js';

export interface PodPoolOptions {
  registry: PodRegistry;
  context: Omit<WorkerContext, 'onGone' | 'occupants'>;
  observer: Observer;
  logger: Logger;
  /** Nothing of the pod is left, neither at the API server nor here. */
  onGone(uid: string): void;
  /** Whether this agent made the pod: another one may use the same runtime. */
  isOurs(uid: string): Promise<boolean>;
}

/**
 * Gives a worker to every pod of the node: to those that the API server or a manifest wants here, and to those that are
 * still here though nobody wants them.
 */
export class PodPool {
  constructor(private readonly options: PodPoolOptions) {
    options.observer.onChange((uid, outOfMemory) => this.changed(uid, outOfMemory));
  }

  set(pod: Pod): void {
    const { uid } = pod.metadata;
    const worker = this.options.registry.get(uid);
    if (worker) worker.update(pod);
    else this.add(pod, false);
  }

  /** The pod is gone from the API server. */
  delete(uid: string): void {
    this.options.registry.get(uid)?.remove();
  }

  /** The pods that are wanted are all known now: what the runtime has besides is stopped and removed. */
  complete(): void {
    const { registry, observer } = this.options;
    registry.markComplete();
    for (const pod of observer.pods()) void this.adoptOrphan(pod);
    // Whoever came first is admitted first.
    for (const worker of [...registry.workers()].sort(byCreation)) worker.wake();
  }

  /** The runtime's view of a pod changed. */
  private changed(uid: string, outOfMemory: string | undefined): void {
    const { registry, observer } = this.options;
    const worker = registry.get(uid);
    if (worker) {
      if (outOfMemory) worker.noteOutOfMemory(outOfMemory);
      worker.wake();
      return;
    }
    const observed = observer.get(uid);
    if (observed && registry.isComplete) void this.adoptOrphan(observed);
  }

  private add(pod: Pod, removed: boolean): void {
    const { registry, context, onGone } = this.options;
    const { uid } = pod.metadata;
    const worker = new PodWorker(
      {
        ...context,
        occupants: () => registry.occupants(),
        onGone: () => {
          registry.delete(uid);
          onGone(uid);
        },
      },
      pod,
      removed,
    );
    registry.add(uid, worker);
    worker.wake();
  }

  private async adoptOrphan(observed: ObservedPod): Promise<void> {
    const { registry, observer, logger, isOurs } = this.options;
    const { uid, namespace, name } = observed;
    // Without our labels it belongs to somebody else who uses the same runtime.
    if (registry.get(uid) || !name || !namespace || !(await isOurs(uid))) return;
    if (registry.get(uid) || !observer.get(uid)) return;
    logger.info('stopping a pod that is no longer wanted', { pod: `${namespace}/${name}`, uid });
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
