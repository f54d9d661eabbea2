import { deepEqual, hasCause, isAlreadyExists, isNotFound, type KubeObject } from '#apimachinery';
import { type Informer, type Requeue, WrittenRevisions } from '#client';
import { type ControllerRevision, gvr, type PersistentVolumeClaim, type Pod, type StatefulSet } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { claimable, labelMatcher } from '../indexes.js';
import { claimObjects } from '../workload/controller-ref.js';
import { CONTROLLER_REVISION_HASH, syncHistory, trimHistory } from '../workload/controller-revisions.js';
import { podInformer } from '../workload/pods.js';
import { ordinalOf, planStatefulSet, type StatefulWorld, statefulStatus } from './stateful-set.plan.js';
import { buildClaims, buildStatefulPod, revisionData, templateOf } from './stateful-set.pod.js';

const CATCH_UP = 20;

export function statefulSetController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'statefulset-controller');
  const sets = new StatefulSetReconciler(runtime);
  return controller('statefulset-controller', runtime)
    .for<StatefulSet>(gvr.statefulsets)
    .owns<Pod>(gvr.pods, { kind: 'StatefulSet', selector: (set) => set.spec.selector })
    .reads(gvr.persistentvolumeclaims, gvr.controllerrevisions)
    .reconcile((key) => sets.reconcile(key));
}

/** Keeps pods with lasting names and volumes, one step at a time. */
class StatefulSetReconciler {
  private readonly sets: Informer<StatefulSet>;
  private readonly pods: Informer<Pod>;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly revisions: Informer<ControllerRevision>;
  private readonly written = new WrittenRevisions();

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers } = runtime;
    this.sets = informers.for<StatefulSet>(gvr.statefulsets);
    this.claims = informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
    this.revisions = informers.for<ControllerRevision>(gvr.controllerrevisions);
    this.pods = podInformer(informers);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const set = this.sets.getByKey(key);
    if (!set) {
      this.written.forget(key);
      return undefined;
    }
    const matches = labelMatcher(set.spec.selector);
    if (!matches || set.metadata.deletionTimestamp !== undefined) return undefined;
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
      now: clock.now(),
    };
    await this.act(key, world, known);
    const status = statefulStatus(world);
    if (!deepEqual(set.status, status)) await this.writeStatus(set, status);
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
    const { client, recorder } = this.runtime;
    const { set } = world;
    const namespace = set.metadata.namespace!;
    const { create, remove } = planStatefulSet(world);
    for (const pod of remove) {
      const name = pod.metadata.name!;
      try {
        await client.delete(gvr.pods, namespace, name, { preconditions: { uid: pod.metadata.uid } });
        recorder.event(
          set,
          'Normal',
          'SuccessfulDelete',
          `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`,
        );
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    for (const { ordinal, revision } of create) {
      const pod = buildStatefulPod(set, ordinal, templateOf(revisions.get(revision)!), revision);
      const what = `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
      try {
        await this.ensureClaims(set, ordinal);
        this.written.wrote(key, await client.create<Pod>(gvr.pods, namespace, pod));
        recorder.event(set, 'Normal', 'SuccessfulCreate', `${what} successful`);
      } catch (error) {
        if (hasCause(error, 'NamespaceTerminating')) return;
        if (!isAlreadyExists(error)) {
          recorder.event(set, 'Warning', 'FailedCreate', `${what} failed error: ${(error as Error).message}`);
        }
        throw error;
      }
    }
  }

  private async ensureClaims(set: StatefulSet, ordinal: number): Promise<void> {
    for (const claim of buildClaims(set, ordinal)) {
      const { namespace, name } = claim.metadata;
      if (this.claims.get(namespace!, name!)) continue;
      try {
        await this.runtime.client.create<KubeObject>(gvr.persistentvolumeclaims, namespace!, claim as KubeObject);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
    }
  }

  private writeStatus(set: StatefulSet, status: StatefulSet['status']): Promise<StatefulSet> {
    const { client } = this.runtime;
    return client.update(gvr.statefulsets, set.metadata.namespace!, { ...set, status }, { subresource: 'status' });
  }
}
