import { deepEqual, formatTime, hasCause, isAlreadyExists, isNotFound } from '#apimachinery';
import type { Informer, Requeue } from '#client';
import { type Deployment, type DeploymentStatus, gvr, type Pod, type ReplicaSet } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { claimable, controlledBy, labelMatcher } from '../indexes.js';
import { claimObjects, controllerOf } from '../workload/controller-ref.js';
import { isPodFinished, podInformer } from '../workload/pods.js';
import { SelectorWarnings } from '../workload/selector-warnings.js';
import { equalIgnoringHash } from '../workload/template-hash.js';
import {
  buildNewSet,
  newSetAnnotations,
  nextRevision,
  REVISION,
  revisionOf,
  sizeAnnotations,
  splitRevisions,
} from './deployment.revisions.js';
import { planRollback, rollbackRevision } from './deployment.rollback.js';
import {
  desiredSize,
  isActive,
  isRollingUpdate,
  isScalingEvent,
  newSetSize,
  planHistoryCleanup,
  planRollingUpdate,
  planScaling,
  type Resize,
  totalSize,
} from './deployment.sizing.js';
import {
  countStatus,
  findCondition,
  hasProgressDeadline,
  isComplete,
  newCondition,
  pauseCondition,
  rolloutStatus,
  withCondition,
} from './deployment.status.js';

export function deploymentController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'deployment-controller');
  const deployments = new DeploymentReconciler(runtime);
  return controller('deployment-controller', runtime)
    .for<Deployment>(gvr.deployments, { observe: { delete: (deployment) => deployments.warnings.forget(deployment) } })
    .owns<ReplicaSet>(gvr.replicasets, { kind: 'Deployment', selector: (deployment) => deployment.spec.selector })
    .watches<Pod>(gvr.pods, { delete: (pod) => deployments.waitingFor(pod) })
    .reconcile((key) => deployments.reconcile(key));
}

/** Moves each Deployment's ReplicaSets towards its template and size. */
class DeploymentReconciler {
  readonly warnings: SelectorWarnings<Deployment>;
  private readonly deployments: Informer<Deployment>;
  private readonly sets: Informer<ReplicaSet>;
  private readonly pods: Informer<Pod>;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers } = runtime;
    this.deployments = informers.for<Deployment>(gvr.deployments);
    this.sets = informers.for<ReplicaSet>(gvr.replicasets);
    this.pods = podInformer(informers);
    this.warnings = new SelectorWarnings(runtime.recorder, this.deployments, ({ spec }) => spec.selector, 'deployment');
  }

  /** Recreate waits for the last old pod to go; to a rolling update a set's status says as much. */
  waitingFor(pod: Pod): string | undefined {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'ReplicaSet') return undefined;
    const namespace = pod.metadata.namespace!;
    const set = this.sets.get(namespace, owner.name);
    const reference = set?.metadata.uid === owner.uid ? controllerOf(set) : undefined;
    if (reference?.kind !== 'Deployment') return undefined;
    const deployment = this.deployments.get(namespace, reference.name);
    if (deployment?.metadata.uid !== reference.uid || isRollingUpdate(deployment)) return undefined;
    return `${namespace}/${reference.name}`;
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    let deployment = this.deployments.getByKey(key);
    if (!deployment) return undefined;
    const matches = labelMatcher(deployment.spec.selector);
    if (!matches) return undefined;
    if (this.warnings.check(deployment)) {
      const observedGeneration = deployment.metadata.generation;
      await this.writeStatus(deployment, { ...deployment.status, observedGeneration });
      return undefined;
    }
    const sets = await claimObjects(
      {
        client: this.runtime.client,
        owner: deployment,
        ownerResource: gvr.deployments,
        resource: gvr.replicasets,
        matches: (set) => matches(set.metadata.labels),
      },
      claimable(this.sets, deployment, deployment.spec.selector),
    );
    if (deployment.metadata.deletionTimestamp !== undefined) {
      const { newSet, oldSets } = splitRevisions(deployment, sets);
      await this.writeStatus(deployment, countStatus(deployment, newSet, oldSets, this.timestamp()));
      return undefined;
    }
    const pause = pauseCondition(deployment, this.timestamp());
    if (pause) {
      const conditions = withCondition(deployment.status?.conditions ?? [], pause);
      deployment = await this.writeStatus(deployment, { ...deployment.status, conditions });
    }
    if (deployment.spec.paused) return this.share(deployment, sets);
    const known = await this.syncRevision(deployment, sets);
    const wanted = rollbackRevision(known.deployment);
    if (wanted !== undefined) return this.rollBack(known.deployment, known.sets, wanted);
    if (isScalingEvent(known.deployment, sets)) return this.share(known.deployment, known.sets);
    return isRollingUpdate(known.deployment)
      ? this.roll(known.deployment, known.sets)
      : this.recreate(known.deployment, known.sets);
  }

  /** Once: the wish goes with the template that it asks for, or with the event that says why there is none. */
  private async rollBack(from: Deployment, fromSets: ReplicaSet[], wanted: bigint): Promise<undefined> {
    const { deployment, sets } = await this.ensureNewSet(from, fromSets);
    const { client, recorder } = this.runtime;
    const { deployment: result, event } = planRollback(deployment, wanted, sets);
    const announce = () => recorder.event(deployment, event.type, event.reason, event.message);
    if (event.type === 'Warning') announce();
    await client.update<Deployment>(gvr.deployments, deployment.metadata.namespace!, result);
    if (event.type === 'Normal') announce();
    return undefined;
  }

  /** Scales without rolling out: the Deployment was resized, or is paused. */
  private async share(from: Deployment, fromSets: ReplicaSet[]): Promise<undefined> {
    const { deployment, sets } = await this.syncRevision(from, fromSets);
    let { newSet, oldSets } = splitRevisions(deployment, sets);
    const { resizes, force } = planScaling(deployment, newSet, oldSets);
    ({ newSet, oldSets } = splitRevisions(deployment, await this.resize(deployment, sets, resizes, force)));
    if (deployment.spec.paused && rollbackRevision(deployment) === undefined) await this.cleanUp(deployment, oldSets);
    await this.writeStatus(deployment, countStatus(deployment, newSet, oldSets, this.timestamp()));
    return undefined;
  }

  private async roll(from: Deployment, fromSets: ReplicaSet[]): Promise<Requeue | undefined> {
    const { deployment, sets } = await this.ensureNewSet(from, fromSets);
    const { newSet, oldSets } = splitRevisions(deployment, sets);
    const resizes = planRollingUpdate(deployment, newSet!, oldSets);
    return this.finish(deployment, await this.resize(deployment, sets, resizes), resizes.length === 0);
  }

  private async recreate(from: Deployment, fromSets: ReplicaSet[]): Promise<Requeue | undefined> {
    const { newSet, oldSets } = splitRevisions(from, fromSets);
    const shrink = oldSets.filter(isActive).map((set) => ({ set, replicas: 0 }));
    if (shrink.length > 0) return this.finish(from, await this.resize(from, fromSets, shrink), false);
    if (this.oldPodsRun(newSet, oldSets)) return this.finish(from, fromSets, false);
    const { deployment, sets } = await this.ensureNewSet(from, fromSets);
    const set = splitRevisions(deployment, sets).newSet!;
    const desired = desiredSize(deployment);
    const grow = desiredSize(set) === desired ? [] : [{ set, replicas: desired }];
    return this.finish(deployment, await this.resize(deployment, sets, grow), true);
  }

  private oldPodsRun(newSet: ReplicaSet | undefined, oldSets: ReplicaSet[]): boolean {
    if (oldSets.some((set) => (set.status?.replicas ?? 0) > 0)) return true;
    return oldSets
      .filter((set) => set.metadata.uid !== newSet?.metadata.uid)
      .some((set) => controlledBy(this.pods, set.metadata.uid!).some((pod) => !isPodFinished(pod)));
  }

  private async finish(deployment: Deployment, sets: ReplicaSet[], settled: boolean): Promise<Requeue | undefined> {
    const { newSet, oldSets } = splitRevisions(deployment, sets);
    if (settled && isComplete(deployment, deployment.status ?? {})) await this.cleanUp(deployment, oldSets);
    const now = this.runtime.clock.now();
    const { status, checkAfter } = rolloutStatus(deployment, newSet, oldSets, now, this.timestamp());
    await this.writeStatus(deployment, status);
    return checkAfter === undefined ? undefined : { requeueAfter: checkAfter };
  }

  /** Brings the annotations of an existing new ReplicaSet, and the Deployment's revision, up to date. */
  private async syncRevision(
    deployment: Deployment,
    sets: ReplicaSet[],
  ): Promise<{ deployment: Deployment; sets: ReplicaSet[] }> {
    const { newSet, oldSets } = splitRevisions(deployment, sets);
    if (!newSet) return { deployment, sets };
    const annotations = newSetAnnotations(deployment, newSet, nextRevision(oldSets));
    const minReadySeconds = deployment.spec.minReadySeconds;
    const sameReady = (newSet.spec.minReadySeconds ?? 0) === (minReadySeconds ?? 0);
    if (!deepEqual(annotations, newSet.metadata.annotations ?? {}) || !sameReady) {
      const updated = await this.runtime.client.update<ReplicaSet>(gvr.replicasets, newSet.metadata.namespace!, {
        ...newSet,
        metadata: { ...newSet.metadata, annotations },
        spec: { ...newSet.spec, minReadySeconds },
      });
      return this.syncRevision(deployment, replace(sets, updated));
    }
    let status = deployment.status ?? {};
    if (hasProgressDeadline(deployment) && !findCondition(status, 'Progressing')) {
      const message = `Found new replica set "${newSet.metadata.name}"`;
      const found = newCondition('Progressing', 'True', 'FoundNewReplicaSet', message, this.timestamp());
      status = { ...status, conditions: withCondition(status.conditions ?? [], found) };
    }
    return { deployment: await this.writeStatus(deployment, status, annotations[REVISION]), sets };
  }

  private async ensureNewSet(
    deployment: Deployment,
    sets: ReplicaSet[],
  ): Promise<{ deployment: Deployment; sets: ReplicaSet[] }> {
    const { newSet, oldSets } = splitRevisions(deployment, sets);
    if (newSet) return { deployment, sets };
    const { client, recorder } = this.runtime;
    const namespace = deployment.metadata.namespace!;
    const revision = nextRevision(oldSets);
    const wanted = buildNewSet(deployment, revision, newSetSize(deployment, 0, totalSize(oldSets)));
    const name = wanted.metadata.name!;
    let created: ReplicaSet;
    try {
      created = await client.create<ReplicaSet>(gvr.replicasets, namespace, wanted);
    } catch (error) {
      if (isAlreadyExists(error)) {
        created = await this.existingOrCollision(deployment, name, error);
        return {
          deployment: await this.writeStatus(deployment, deployment.status ?? {}, String(revision)),
          sets: [...sets, created],
        };
      }
      if (!hasCause(error, 'NamespaceTerminating')) await this.reportCreateFailure(deployment, name, error);
      throw error;
    }
    if (desiredSize(created) > 0) {
      const message = `Scaled up replica set ${name} from 0 to ${desiredSize(created)}`;
      recorder.event(deployment, 'Normal', 'ScalingReplicaSet', message);
    }
    let status: DeploymentStatus = deployment.status ?? {};
    if (hasProgressDeadline(deployment)) {
      const message = `Created new replica set "${name}"`;
      const condition = newCondition('Progressing', 'True', 'NewReplicaSetCreated', message, this.timestamp());
      status = { ...status, conditions: withCondition(status.conditions ?? [], condition) };
    }
    return { deployment: await this.writeStatus(deployment, status, String(revision)), sets: [...sets, created] };
  }

  /** The name is taken: by our own set that the informer has not shown yet, or by another template with this hash. */
  private async existingOrCollision(deployment: Deployment, name: string, error: unknown): Promise<ReplicaSet> {
    const existing = await this.runtime.client.get<ReplicaSet>(gvr.replicasets, deployment.metadata.namespace!, name);
    const ours = controllerOf(existing)?.uid === deployment.metadata.uid;
    if (ours && equalIgnoringHash(deployment.spec.template, existing.spec.template)) return existing;
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await this.writeStatus(deployment, { ...deployment.status, collisionCount });
    throw error;
  }

  private async reportCreateFailure(deployment: Deployment, name: string, error: unknown): Promise<void> {
    const message = `Failed to create new replica set "${name}": ${(error as Error).message}`;
    this.runtime.recorder.event(deployment, 'Warning', 'ReplicaSetCreateError', message);
    if (!hasProgressDeadline(deployment)) return;
    const condition = newCondition('Progressing', 'False', 'ReplicaSetCreateError', message, this.timestamp());
    const conditions = withCondition(deployment.status?.conditions ?? [], condition);
    await this.writeStatus(deployment, { ...deployment.status, conditions }).catch(() => {});
  }

  /** The sets as they are after resizing. With `force` annotations are renewed even where the size stays. */
  private async resize(
    deployment: Deployment,
    sets: ReplicaSet[],
    resizes: Resize[],
    force = false,
  ): Promise<ReplicaSet[]> {
    const { client, recorder } = this.runtime;
    let result = sets;
    for (const { set, replicas } of resizes) {
      const former = desiredSize(set);
      const annotations = { ...set.metadata.annotations, ...sizeAnnotations(deployment) };
      if (former === replicas && (!force || deepEqual(annotations, set.metadata.annotations))) continue;
      const updated = await client.update<ReplicaSet>(gvr.replicasets, set.metadata.namespace!, {
        ...set,
        metadata: { ...set.metadata, annotations },
        spec: { ...set.spec, replicas },
      });
      result = replace(result, updated);
      if (former === replicas) continue;
      const direction = former < replicas ? 'up' : 'down';
      const message = `Scaled ${direction} replica set ${set.metadata.name} from ${former} to ${replicas}`;
      recorder.event(deployment, 'Normal', 'ScalingReplicaSet', message);
    }
    return result;
  }

  private async cleanUp(deployment: Deployment, oldSets: ReplicaSet[]): Promise<void> {
    for (const set of planHistoryCleanup(deployment, oldSets, revisionOf)) {
      try {
        await this.runtime.client.delete(gvr.replicasets, set.metadata.namespace!, set.metadata.name!);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  /** Writes the status, and the revision annotation with it, when anything differs. */
  private async writeStatus(deployment: Deployment, status: DeploymentStatus, revision?: string): Promise<Deployment> {
    const annotations = deployment.metadata.annotations;
    const sameRevision = revision === undefined || annotations?.[REVISION] === revision;
    if (sameRevision && deepEqual(deployment.status ?? {}, status)) return deployment;
    const metadata = sameRevision
      ? deployment.metadata
      : { ...deployment.metadata, annotations: { ...annotations, [REVISION]: revision } };
    return this.runtime.client.update<Deployment>(
      gvr.deployments,
      deployment.metadata.namespace!,
      { ...deployment, metadata, status },
      { subresource: 'status' },
    );
  }

  private timestamp(): string {
    return formatTime(new Date(this.runtime.clock.now()));
  }
}

function replace(sets: ReplicaSet[], updated: ReplicaSet): ReplicaSet[] {
  return sets.map((set) => (set.metadata.uid === updated.metadata.uid ? updated : set));
}
