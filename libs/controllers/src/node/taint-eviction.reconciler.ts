import { formatTime, isNotFound } from '#apimachinery';
import { ControlLoop, type Informer, objectKey, type Requeue } from '#client';
import { gvr, type Node, type Pod, type Taint, toleratedTime } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { disruptionStatus } from '../workload/disruption.js';
import { isPodFinished, PODS_BY_NODE, podInformer } from '../workload/pods.js';

export function taintEvictionController(context: ControllerContext): Controller {
  return new TaintEviction(runtimeFor(context, 'node-controller', 'taint-eviction-controller'));
}

/** Deletes pods that do not tolerate, or no longer tolerate, a NoExecute taint of their node. */
class TaintEviction implements Controller {
  readonly name = 'taint-eviction-controller';
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  /** Pod uid to the time at which it was first seen on its tainted node. */
  private readonly since = new Map<string, number>();
  private readonly loop: ControlLoop;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, clock, logger } = runtime;
    this.nodes = informers.for<Node>(gvr.nodes);
    this.pods = podInformer(informers);
    this.loop = new ControlLoop({ name: this.name, clock, logger, reconcile: (key) => this.reconcile(key) });
    this.nodes.addHandler({
      add: (node) => this.wakePods(node, noExecuteTaints(node).length > 0),
      update: (old, node) => this.wakePods(node, text(old) !== text(node)),
    });
    this.pods.addHandler({
      add: (pod) => this.wake(pod),
      update: (old, pod) => {
        if (old.spec.nodeName !== pod.spec.nodeName || old.spec.tolerations !== pod.spec.tolerations) this.wake(pod);
      },
      delete: (pod) => this.since.delete(pod.metadata.uid!),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.nodes.whenSynced(signal), this.pods.whenSynced(signal)]);
    await this.loop.run(signal);
  }

  private wakePods(node: Node, changed: boolean): void {
    if (changed) for (const pod of this.pods.byIndex(PODS_BY_NODE, node.metadata.name!)) this.loop.add(objectKey(pod));
  }

  /** Pods on untainted nodes, which is nearly all of them, cost nothing here. */
  private wake(pod: Pod): void {
    const node = pod.spec.nodeName ? this.nodes.get('', pod.spec.nodeName) : undefined;
    if (node && noExecuteTaints(node).length > 0) this.loop.add(objectKey(pod));
  }

  private async reconcile(key: string): Promise<Requeue | undefined> {
    const pod = this.pods.getByKey(key);
    if (!pod?.spec.nodeName || pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) return undefined;
    const { uid } = pod.metadata;
    const node = this.nodes.get('', pod.spec.nodeName);
    const taints = node ? noExecuteTaints(node) : [];
    const allowed = taints.length === 0 ? Number.POSITIVE_INFINITY : toleratedTime(pod, taints);
    if (allowed === Number.POSITIVE_INFINITY) {
      if (this.since.delete(uid!)) {
        this.runtime.recorder.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
      }
      return undefined;
    }
    const now = this.runtime.clock.now();
    const since = this.since.get(uid!) ?? now;
    this.since.set(uid!, since);
    const left = since + allowed - now;
    if (left > 0) return { requeueAfter: left };
    await this.evict(key, pod);
    return undefined;
  }

  private async evict(key: string, pod: Pod): Promise<void> {
    const { client, clock, recorder } = this.runtime;
    const { namespace, name, uid } = pod.metadata;
    recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    const status = disruptionStatus(
      'DeletionByTaintManager',
      'Taint manager: deleting due to NoExecute taint',
      formatTime(new Date(clock.now())),
    );
    try {
      await client.patch(
        gvr.pods,
        namespace!,
        name!,
        'application/strategic-merge-patch+json',
        { metadata: { uid }, status },
        { subresource: 'status' },
      );
      await client.delete(gvr.pods, namespace!, name!, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function noExecuteTaints(node: Node): Taint[] {
  return (node.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute');
}

function text(node: Node): string {
  return JSON.stringify(noExecuteTaints(node));
}
