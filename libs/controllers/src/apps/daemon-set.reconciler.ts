import { appendAll, deepEqual, type KubeObject } from '#apimachinery';
import { Backoff, ControlLoop, Expectations, type Informer, objectKey, type Requeue } from '#client';
import { type ControllerRevision, type DaemonSet, gvr, type Node, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { claimObjects, controllerOf } from '../workload/controller-ref.js';
import { CONTROLLER_REVISION_HASH, revisionHash, syncHistory, trimHistory } from '../workload/controller-revisions.js';
import { labelMatcher } from '../workload/label-matcher.js';
import { changePods, podFromTemplate } from '../workload/pod-control.js';
import { observePods } from '../workload/pod-observation.js';
import { ownedAndOrphaned, podInformer } from '../workload/pods.js';
import {
  type DaemonWorld,
  daemonStatus,
  daemonTemplate,
  planPlacement,
  planRollout,
  targetNode,
} from './daemon-set.placement.js';

/** Pods created or deleted in one go, at most. */
const BURST = 250;
/** Waiting before a failed daemon's pod is replaced; milliseconds. */
const FAILED_BACKOFF = { initial: 1000, factor: 2, max: 15 * 60_000, jitter: 0, resetAfter: 30 * 60_000 };

export function daemonSetController(context: ControllerContext): Controller {
  return new DaemonSetReconciler(runtimeFor(context, 'daemon-set-controller', 'daemonset-controller'));
}

/** Keeps one pod of each DaemonSet on every node that wants one. */
class DaemonSetReconciler implements Controller {
  readonly name = 'daemonset-controller';
  private readonly sets: Informer<DaemonSet>;
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  private readonly revisions: Informer<ControllerRevision>;
  private readonly expectations: Expectations;
  /** `<set uid>/<node>` to the delays between replacements of its failed pods. */
  private readonly failures = new Map<string, { backoff: Backoff; until: number }>();
  private readonly loop: ControlLoop;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, clock, logger } = runtime;
    this.sets = informers.for<DaemonSet>(gvr.daemonsets);
    this.nodes = informers.for<Node>(gvr.nodes);
    this.revisions = informers.for<ControllerRevision>(gvr.controllerrevisions);
    this.pods = podInformer(informers);
    this.expectations = new Expectations(clock);
    this.loop = new ControlLoop({ name: this.name, clock, logger, reconcile: (key) => this.reconcile(key) });
    const wake = (set: DaemonSet) => this.loop.add(objectKey(set));
    this.sets.addHandler({ add: wake, update: (_old, set) => wake(set), delete: wake });
    const wakeAll = () => {
      for (const set of this.sets.values()) wake(set);
    };
    this.nodes.addHandler({
      add: wakeAll,
      update: (old, node) => {
        const same = deepEqual(old.metadata.labels, node.metadata.labels) && deepEqual(old.spec, node.spec);
        if (!same) wakeAll();
      },
      delete: wakeAll,
    });
    this.pods.addHandler(
      observePods({
        expectations: this.expectations,
        ownerKey: (pod) => this.ownerKey(pod),
        wakeFor: (pod) => this.wakeFor(pod),
      }),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const informers = [this.sets, this.nodes, this.pods, this.revisions];
    await Promise.all(informers.map((informer) => informer.whenSynced(signal)));
    await this.loop.run(signal);
  }

  private ownerKey(pod: Pod): string | undefined {
    const owner = controllerOf(pod);
    return owner?.kind === 'DaemonSet' ? `${pod.metadata.namespace}/${owner.name}` : undefined;
  }

  private wakeFor(pod: Pod): void {
    const key = this.ownerKey(pod);
    if (key) this.loop.add(key);
    else if (!controllerOf(pod)) {
      for (const set of this.sets.values(pod.metadata.namespace!)) {
        if (labelMatcher(set.spec.selector)?.(pod.metadata.labels)) this.loop.add(objectKey(set));
      }
    }
  }

  private async reconcile(key: string): Promise<Requeue | undefined> {
    const set = this.sets.getByKey(key);
    if (!set) {
      this.expectations.forget(key);
      return undefined;
    }
    const matches = labelMatcher(set.spec.selector);
    if (!matches || set.metadata.deletionTimestamp !== undefined) return undefined;
    const { client } = this.runtime;
    const claim = {
      client,
      owner: set,
      ownerResource: gvr.daemonsets,
      matches: (o: KubeObject) => matches(o.metadata.labels),
    };
    const claimed = await claimObjects({ ...claim, resource: gvr.pods }, ownedAndOrphaned(this.pods, set));
    const revisions = await claimObjects(
      { ...claim, resource: gvr.controllerrevisions },
      this.revisions.list(set.metadata.namespace!),
    );
    const data = { spec: { template: { ...set.spec.template, $patch: 'replace' } } };
    const labels = set.spec.template.metadata?.labels ?? {};
    const history = await syncHistory(client, set, data, labels, revisions, async (collisionCount) => {
      const status = { ...set.status!, collisionCount };
      await client.update(gvr.daemonsets, set.metadata.namespace!, { ...set, status }, { subresource: 'status' });
    });
    const world: DaemonWorld = {
      set,
      nodes: this.nodes.list(),
      pods: byNode(claimed),
      hash: revisionHash(history.current),
      now: this.runtime.clock.now(),
    };
    let requeueAfter = await this.act(key, world);
    const status = daemonStatus(world);
    if (!deepEqual(set.status, status)) {
      await client.update(gvr.daemonsets, set.metadata.namespace!, { ...set, status }, { subresource: 'status' });
    }
    const used = new Set(claimed.map((pod) => pod.metadata.labels?.[CONTROLLER_REVISION_HASH] ?? ''));
    await trimHistory(client, history.old, set.spec.revisionHistoryLimit ?? 10, used);
    if ((set.spec.minReadySeconds ?? 0) > 0 && status.numberReady !== (status.numberAvailable ?? 0)) {
      requeueAfter ??= set.spec.minReadySeconds! * 1000;
    }
    return requeueAfter === undefined ? undefined : { requeueAfter };
  }

  /** One round: placement first; the rollout goes on only when placement has nothing to do. */
  private async act(key: string, world: DaemonWorld): Promise<number | undefined> {
    if (!this.expectations.satisfied(key)) return undefined;
    const { set, now } = world;
    const plan = planPlacement(world);
    const waiting = this.holdBack(set, plan.failed, now);
    plan.remove = plan.remove.filter((pod) => !waiting.pods.has(pod));
    // Pods that wait for a node that is gone.
    const known = new Set(world.nodes.map((node) => node.metadata.name));
    for (const [node, pods] of world.pods) {
      if (!known.has(node))
        appendAll(
          plan.remove,
          pods.filter((pod) => !pod.spec.nodeName && !pod.metadata.deletionTimestamp),
        );
    }
    const settled = plan.createOn.length === 0 && plan.remove.length === 0;
    const next = settled ? planRollout(world) : plan;
    await this.carryOut(key, world, next.createOn.slice(0, BURST), next.remove.slice(0, BURST));
    return waiting.left;
  }

  /** Failed pods that are not to be replaced yet, and how long the first of them has to wait. */
  private holdBack(set: DaemonSet, failed: readonly Pod[], now: number): { pods: Set<Pod>; left?: number } {
    const pods = new Set<Pod>();
    let left: number | undefined;
    for (const pod of failed) {
      const key = `${set.metadata.uid}/${pod.spec.nodeName}`;
      const entry = this.failures.get(key) ?? {
        backoff: new Backoff(FAILED_BACKOFF, this.runtime.clock.now),
        until: 0,
      };
      this.failures.set(key, entry);
      if (now < entry.until) {
        pods.add(pod);
        left = Math.min(left ?? Number.POSITIVE_INFINITY, entry.until - now);
      } else {
        entry.until = now + entry.backoff.step();
        const { namespace, name } = pod.metadata;
        const message = `Found failed daemon pod ${namespace}/${name} on node ${pod.spec.nodeName}, will try to kill it`;
        this.runtime.recorder.event(set, 'Warning', 'FailedDaemonPod', message);
      }
    }
    return { pods, left };
  }

  private async carryOut(key: string, { set, hash }: DaemonWorld, createOn: string[], remove: Pod[]): Promise<void> {
    const failure = await changePods(this.runtime, this.expectations, key, set, {
      remove,
      create: createOn.map((node) => podFromTemplate(daemonTemplate(set, node, hash), set)),
    });
    if (failure !== undefined) throw failure;
  }
}

function byNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const map = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = targetNode(pod);
    if (node === undefined) continue;
    const list = map.get(node);
    if (list) list.push(pod);
    else map.set(node, [pod]);
  }
  return map;
}
