import { deepEqual, hasCause } from '#apimachinery';
import { type Informer, objectKey, type Requeue, WrittenRevisions } from '#client';
import { type ControllerRevision, gvr, type PersistentVolumeClaim, type Pod, type StatefulSet } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { claimable, labelMatcher } from '../indexes.js';
import { claimObjects } from '../workload/controller-ref.js';
import { CONTROLLER_REVISION_HASH, syncHistory, trimHistory } from '../workload/controller-revisions.js';
import { slowStart } from '../workload/pod-control.js';
import { podInformer } from '../workload/pods.js';
import { SelectorWarnings } from '../workload/selector-warnings.js';
import { ordinalOf } from './stateful-set.identity.js';
import {
  maxUnavailableOf,
  planStatefulSet,
  type StatefulWorld,
  statefulStatus,
  unavailableReplicas,
} from './stateful-set.plan.js';
import { revisionData } from './stateful-set.pod.js';
import { StatefulPodControl } from './stateful-set.pod-control.js';

const CATCH_UP = 20;
/** Names that the metrics tell apart. */
const SETS_MEASURED = 1000;

export function statefulSetController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'statefulset-controller');
  const sets = new StatefulSetReconciler(runtime);
  return (
    controller('statefulset-controller', runtime)
      .for<StatefulSet>(gvr.statefulsets, { observe: { delete: (set) => sets.warnings.forget(set) } })
      .owns<Pod>(gvr.pods, { kind: 'StatefulSet', selector: (set) => set.spec.selector })
      // A claim that is gone may be made anew.
      .watches<PersistentVolumeClaim>(gvr.persistentvolumeclaims, { delete: (claim) => sets.keysOf(claim) })
      .reads(gvr.controllerrevisions)
      .reconcile((key) => sets.reconcile(key))
  );
}

/** Keeps pods with lasting names and volumes, one step at a time. */
class StatefulSetReconciler {
  readonly warnings: SelectorWarnings<StatefulSet>;
  private readonly sets: Informer<StatefulSet>;
  private readonly pods: Informer<Pod>;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly revisions: Informer<ControllerRevision>;
  private readonly written = new WrittenRevisions();
  private readonly mostUnavailable;
  private readonly unavailable;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, metrics } = runtime;
    const labels = {
      statefulset_namespace: SETS_MEASURED,
      statefulset_name: SETS_MEASURED,
      pod_management_policy: ['OrderedReady', 'Parallel'],
    };
    const gauge = (name: string, help: string) => metrics.gauge({ name, help, labels });
    this.mostUnavailable = gauge(
      'statefulset_controller_statefulset_max_unavailable',
      'Pods that an update may make unavailable together.',
    );
    this.unavailable = gauge(
      'statefulset_controller_statefulset_unavailable_replicas',
      'Pods that are missing, or not available.',
    );
    this.sets = informers.for<StatefulSet>(gvr.statefulsets);
    this.claims = informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
    this.revisions = informers.for<ControllerRevision>(gvr.controllerrevisions);
    this.pods = podInformer(informers);
    this.warnings = new SelectorWarnings(runtime.recorder, this.sets, ({ spec }) => spec.selector, 'stateful set');
  }

  /** Sets whose claims have such names. */
  keysOf({ metadata }: PersistentVolumeClaim): string[] {
    return this.sets
      .list(metadata.namespace)
      .filter(({ metadata: { name }, spec }) =>
        spec.volumeClaimTemplates?.some((template) => metadata.name!.startsWith(`${template.metadata.name}-${name}-`)),
      )
      .map(objectKey);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const set = this.sets.getByKey(key);
    if (!set) {
      this.written.forget(key);
      return undefined;
    }
    const matches = labelMatcher(set.spec.selector);
    if (!matches || set.metadata.deletionTimestamp !== undefined) return undefined;
    if (this.warnings.check(set)) return undefined;
    if (!this.written.seenBy(key, this.pods)) return { requeueAfter: CATCH_UP };
    const { client, clock } = this.runtime;
    const claim = { client, owner: set, ownerResource: gvr.statefulsets };
    const claimed = await claimObjects(
      {
        ...claim,
        resource: gvr.pods,
        matches: (pod) => matches(pod.metadata.labels) && ordinalOf(set, pod as Pod) !== undefined,
      },
      claimable(this.pods, set, set.spec.selector),
    );
    const revisions = await claimObjects(
      { ...claim, resource: gvr.controllerrevisions, matches: (revision) => matches(revision.metadata.labels) },
      claimable(this.revisions, set, set.spec.selector),
    );
    const labels = set.spec.template.metadata?.labels ?? {};
    const history = await syncHistory(client, set, revisionData(set), labels, revisions, async (collisionCount) => {
      await this.writeStatus(set, { ...set.status!, collisionCount });
    });
    const update = history.current.metadata.name!;
    const known = new Map([...history.old, history.current].map((revision) => [revision.metadata.name!, revision]));
    const current = set.status?.currentRevision;
    const world: StatefulWorld = {
      set,
      pods: new Map(claimed.map((pod) => [ordinalOf(set, pod)!, pod])),
      current: current !== undefined && known.has(current) ? current : update,
      update,
      claimOf: (name) => this.claims.get(set.metadata.namespace!, name),
      now: clock.now(),
    };
    this.measure(world);
    let failure: unknown;
    try {
      await this.act(key, world, known);
    } catch (error) {
      failure = error;
    }
    const status = statefulStatus(world);
    if (!deepEqual(set.status, status)) await this.writeStatus(set, status);
    if (failure !== undefined) throw failure;
    const used = new Set([
      status.currentRevision!,
      ...claimed.map((pod) => pod.metadata.labels?.[CONTROLLER_REVISION_HASH] ?? ''),
    ]);
    const unused = history.old.filter((revision) => !used.has(revision.metadata.name!));
    await trimHistory(client, unused, set.spec.revisionHistoryLimit ?? 10, used);
    const waits =
      (set.spec.minReadySeconds ?? 0) > 0 && (status.readyReplicas ?? 0) !== (status.availableReplicas ?? 0);
    return waits ? { requeueAfter: set.spec.minReadySeconds! * 1000 } : undefined;
  }

  private async act(
    key: string,
    world: StatefulWorld,
    revisions: ReadonlyMap<string, ControllerRevision>,
  ): Promise<void> {
    const { set } = world;
    const control = new StatefulPodControl(this.runtime, set, world.claimOf, (pod) => this.written.wrote(key, pod));
    const { claims, repair, release, create, remove } = planStatefulSet(world);
    for (const pod of claims) await control.ensureClaims(ordinalOf(set, pod)!, pod);
    for (const pod of repair) await control.repair(pod);
    for (const pod of release) await control.ownClaims(pod);
    // Where all come and go at once, a failure of the first keeps the others from being tried in vain.
    const news = create.values();
    await this.all(create.length, () => {
      const { ordinal, revision } = news.next().value!;
      return control.create(ordinal, revisions.get(revision)!);
    });
    const olds = remove.values();
    await this.all(remove.length, () => control.remove(olds.next().value!));
  }

  private async all(count: number, action: () => Promise<unknown>): Promise<void> {
    const { error } = await slowStart(count, action);
    if (error !== undefined && !hasCause(error, 'NamespaceTerminating')) throw error;
  }

  private measure(world: StatefulWorld): void {
    const { namespace, name } = world.set.metadata;
    const labels = [namespace!, name!, world.set.spec.podManagementPolicy ?? 'OrderedReady'];
    this.mostUnavailable.cell(...labels).value = maxUnavailableOf(world.set);
    this.unavailable.cell(...labels).value = unavailableReplicas(world);
  }

  private writeStatus(set: StatefulSet, status: StatefulSet['status']): Promise<StatefulSet> {
    const { client } = this.runtime;
    return client.update(gvr.statefulsets, set.metadata.namespace!, { ...set, status }, { subresource: 'status' });
  }
}
