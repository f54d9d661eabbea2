import { formatTime, isNotFound } from '#apimachinery';
import { type Informer, objectKey, type Requeue } from '#client';
import { gvr, type Node, type Pod, type Taint, toleratedTime } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { disruptionStatus } from '../workload/disruption.js';
import { isPodFinished, PODS_BY_NODE, podInformer } from '../workload/pods.js';

export function taintEvictionController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'node-controller', 'taint-eviction-controller');
  const eviction = new TaintEviction(runtime);
  return controller('taint-eviction-controller', runtime)
    .for<Pod>(gvr.pods, {
      when: (pod, old) => eviction.concerns(pod, old),
      observe: { delete: (pod) => eviction.forget(pod) },
    })
    .watches<Node>(gvr.nodes, {
      add: (node) => (noExecuteTaints(node).length > 0 ? eviction.podsOn(node) : undefined),
      update: (old, node) => (text(old) !== text(node) ? eviction.podsOn(node) : undefined),
    })
    .reconcile((key) => eviction.reconcile(key));
}

/** Deletes pods that do not tolerate, or no longer tolerate, a NoExecute taint of their node. */
class TaintEviction {
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  /** Pod uid to the time at which it was first seen on its tainted node. */
  private readonly since = new Map<string, number>();

  constructor(private readonly runtime: ControllerRuntime) {
    this.nodes = runtime.informers.for<Node>(gvr.nodes);
    this.pods = podInformer(runtime.informers);
  }

  /** Pods on untainted nodes, which is nearly all of them, cost nothing here. */
  concerns(pod: Pod, old: Pod | undefined): boolean {
    if (old && old.spec.nodeName === pod.spec.nodeName && old.spec.tolerations === pod.spec.tolerations) return false;
    const node = pod.spec.nodeName ? this.nodes.get('', pod.spec.nodeName) : undefined;
    return node !== undefined && noExecuteTaints(node).length > 0;
  }

  podsOn(node: Node): string[] {
    return this.pods.byIndex(PODS_BY_NODE, node.metadata.name!).map(objectKey);
  }

  forget(pod: Pod): void {
    this.since.delete(pod.metadata.uid!);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
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
