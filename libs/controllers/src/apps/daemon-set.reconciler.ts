import { appendAll, deepEqual, type KubeObject } from '#apimachinery';
import { Backoff, Expectations, type Informer, objectKey, type Requeue } from '#client';
import { type ControllerRevision, type DaemonSet, gvr, type Node, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { claimable, labelMatcher } from '../indexes.js';
import { claimObjects } from '../workload/controller-ref.js';
import { CONTROLLER_REVISION_HASH, revisionHash, syncHistory, trimHistory } from '../workload/controller-revisions.js';
import { changePods, podFromTemplate } from '../workload/pod-control.js';
import { podInformer } from '../workload/pods.js';
import { SelectorWarnings } from '../workload/selector-warnings.js';
import {
  type DaemonWorld,
  daemonStatus,
  daemonTemplate,
  planPlacement,
  planRollout,
  podsByNode,
} from './daemon-set.placement.js';

/** Pods created or deleted in one go, at most. */
const BURST = 250;
/** Waiting before a failed daemon's pod is replaced; milliseconds. */
const FAILED_BACKOFF = { initial: 1000, factor: 2, max: 15 * 60_000, jitter: 0, resetAfter: 30 * 60_000 };

export function daemonSetController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'daemon-set-controller', 'daemonset-controller');
  const daemons = new DaemonSetReconciler(runtime);
  return controller('daemonset-controller', runtime)
    .for<DaemonSet>(gvr.daemonsets, { observe: { delete: (set) => daemons.warnings.forget(set) } })
    .owns<Pod>(gvr.pods, {
      kind: 'DaemonSet',
      selector: (set) => set.spec.selector,
      expectations: daemons.expectations,
    })
    .watches<Node>(gvr.nodes, {
      add: () => daemons.allKeys(),
      update: (old, node) => {
        const same = deepEqual(old.metadata.labels, node.metadata.labels) && deepEqual(old.spec, node.spec);
        return same ? undefined : daemons.allKeys();
      },
      delete: () => daemons.allKeys(),
    })
    .reads(gvr.controllerrevisions)
    .reconcile((key) => daemons.reconcile(key));
}

/** Keeps one pod of each DaemonSet on every node that wants one. */
class DaemonSetReconciler {
  readonly expectations: Expectations;
  readonly warnings: SelectorWarnings<DaemonSet>;
  private readonly sets: Informer<DaemonSet>;
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  private readonly revisions: Informer<ControllerRevision>;
  /** `<set uid>/<node>` to the delays between replacements of its failed pods. */
  private readonly failures = new Map<string, { backoff: Backoff; until: number }>();

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, clock, recorder } = runtime;
    this.sets = informers.for<DaemonSet>(gvr.daemonsets);
    this.nodes = informers.for<Node>(gvr.nodes);
    this.revisions = informers.for<ControllerRevision>(gvr.controllerrevisions);
    this.pods = podInformer(informers);
    this.expectations = new Expectations(clock);
    this.warnings = new SelectorWarnings(recorder, this.sets, ({ spec }) => spec.selector, 'daemon set');
  }

  allKeys(): string[] {
    return this.sets.list().map(objectKey);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const set = this.sets.getByKey(key);
    const matches = labelMatcher(set?.spec.selector);
    if (!set || !matches || set.metadata.deletionTimestamp !== undefined) return undefined;
    if (this.warnings.check(set)) return undefined;
    const { client } = this.runtime;
    const claim = {
      client,
      owner: set,
      ownerResource: gvr.daemonsets,
      matches: (o: KubeObject) => matches(o.metadata.labels),
    };
    const claimed = await claimObjects({ ...claim, resource: gvr.pods }, claimable(this.pods, set, set.spec.selector));
    const revisions = await claimObjects(
      { ...claim, resource: gvr.controllerrevisions },
      claimable(this.revisions, set, set.spec.selector),
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
      pods: podsByNode(claimed),
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
    this.tellSucceeded(set, plan.succeeded);
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

  private tellSucceeded(set: DaemonSet, pods: readonly Pod[]): void {
    for (const { metadata, spec } of pods) {
      const where = `${metadata.namespace}/${metadata.name} on node ${spec.nodeName}`;
      const message = `Found succeeded daemon pod ${where}, will try to delete it`;
      this.runtime.recorder.event(set, 'Normal', 'SucceededDaemonPod', message);
    }
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
