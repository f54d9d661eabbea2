import { formatTime, isNotFound } from '#apimachinery';
import type { Informer } from '#client';
import { gvr, type Node, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { disruptionStatus } from '../workload/disruption.js';
import { isPodFinished, podInformer } from '../workload/pods.js';
import { excessFinished, onOutOfServiceNodes, unscheduledTerminating } from './pod-gc.js';

/** Milliseconds between two rounds. */
const PERIOD = 20_000;
/** A node must be missing for this long before its pods are taken for lost. */
const QUARANTINE = 40_000;
const FINISHED_THRESHOLD = 12_500;

export function podGarbageCollector(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'pod-garbage-collector');
  const collector = new PodGarbageCollector(runtime);
  return controller('pod-garbage-collector-controller', runtime)
    .reads(gvr.nodes, gvr.pods)
    .every(PERIOD, () => ['pods'])
    .workers(1)
    .reconcile(() => collector.collect());
}

/** Removes pods that no node will ever report on again. */
class PodGarbageCollector {
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  /** Missing node to the time since which it is. */
  private readonly missing = new Map<string, number>();

  constructor(private readonly runtime: ControllerRuntime) {
    this.nodes = runtime.informers.for<Node>(gvr.nodes);
    this.pods = podInformer(runtime.informers);
  }

  async collect(): Promise<undefined> {
    const pods = this.pods.list();
    const threshold = this.runtime.options.terminatedPodThreshold ?? FINISHED_THRESHOLD;
    for (const pod of excessFinished(pods, threshold)) await this.remove(pod);
    for (const pod of onOutOfServiceNodes(pods, this.nodes.list())) await this.remove(pod);
    const lost = await this.lostNodes(pods);
    for (const pod of pods) {
      if (!pod.spec.nodeName || !lost.has(pod.spec.nodeName)) continue;
      await this.remove(pod, 'PodGC: node no longer exists');
    }
    for (const pod of unscheduledTerminating(pods)) await this.remove(pod);
  }

  /** Nodes that pods name and that have been missing for the whole quarantine; the server has the last word. */
  private async lostNodes(pods: readonly Pod[]): Promise<Set<string>> {
    const now = this.runtime.clock.now();
    const named = new Set(pods.flatMap((pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : [])));
    for (const name of this.missing.keys()) {
      if (!named.has(name) || this.nodes.get('', name)) this.missing.delete(name);
    }
    const lost = new Set<string>();
    for (const name of named) {
      if (this.nodes.get('', name)) continue;
      const since = this.missing.get(name) ?? now;
      this.missing.set(name, since);
      if (now - since >= QUARANTINE && !(await this.exists(name))) lost.add(name);
    }
    return lost;
  }

  private async exists(node: string): Promise<boolean> {
    try {
      await this.runtime.client.get(gvr.nodes, '', node);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** A pod that still counts as running becomes Failed first: who watches it must see how it ended. */
  private async remove(pod: Pod, disruption?: string): Promise<void> {
    const { client, clock } = this.runtime;
    const { namespace, name, uid } = pod.metadata;
    try {
      if (!isPodFinished(pod)) {
        const timestamp = formatTime(new Date(clock.now()));
        const conditions = disruption ? disruptionStatus('DeletionByPodGC', disruption, timestamp) : {};
        await client.patch(
          gvr.pods,
          namespace!,
          name!,
          'application/strategic-merge-patch+json',
          { metadata: { uid }, status: { ...conditions, phase: 'Failed' } },
          { subresource: 'status' },
        );
      }
      await client.delete(gvr.pods, namespace!, name!, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
