import {
  deepEqual,
  formatTime,
  type GroupVersionResource,
  isConflict,
  type KubeObject,
  type LabelSelector,
} from '#apimachinery';
import { Expectations, type Informer, type Requeue } from '#client';
import { gvr, type Pod } from '#kinds';
import type { Controller, ControllerRuntime } from '../context.js';
import { controller } from '../controller.js';
import { claimable, controlledBy, labelMatcher } from '../indexes.js';
import { claimObjects, controllerOf } from './controller-ref.js';
import { podsToDelete } from './deletion-ranking.js';
import { changePods, type PodChanges, podFromTemplate } from './pod-control.js';
import { isPodActive, isPodTerminating, nextAvailability, podInformer } from './pods.js';
import { type ReplicaOwner, type ReplicaStatus, replicaDifference, replicaStatus } from './replicas.js';
import { SelectorWarnings } from './selector-warnings.js';

export interface ReplicaKind {
  name: string;
  resource: GroupVersionResource;
  kind: string;
  /** As in `This replica set is selecting all pods`. */
  noun: string;
  reportsTerminating: boolean;
  selector(owner: ReplicaOwner): LabelSelector | undefined;
}

export function replicaController(kind: ReplicaKind, runtime: ControllerRuntime): Controller {
  const replicas = new ReplicaLoop(kind, runtime);
  return controller(kind.name, runtime)
    .for<ReplicaOwner>(kind.resource, { observe: { delete: (owner) => replicas.warnings.forget(owner) } })
    .owns<Pod>(gvr.pods, { kind: kind.kind, selector: kind.selector, expectations: replicas.expectations })
    .reconcile((key) => replicas.reconcile(key));
}

/** Keeps the number of pods that a ReplicaSet or a ReplicationController asks for. */
class ReplicaLoop {
  readonly expectations: Expectations;
  readonly warnings: SelectorWarnings<ReplicaOwner>;
  private readonly owners: Informer<ReplicaOwner>;
  private readonly pods: Informer<Pod>;

  constructor(
    private readonly kind: ReplicaKind,
    private readonly runtime: ControllerRuntime,
  ) {
    this.expectations = new Expectations(runtime.clock);
    this.owners = runtime.informers.for<ReplicaOwner>(kind.resource);
    this.pods = podInformer(runtime.informers);
    this.warnings = new SelectorWarnings(runtime.recorder, this.owners, kind.selector, kind.noun);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const owner = this.owners.getByKey(key);
    const matches = owner && labelMatcher(this.kind.selector(owner));
    if (!matches) return undefined;
    // Those of a Deployment are its affair.
    if (!controllerOf(owner) && this.warnings.check(owner)) return undefined;
    const settled = this.expectations.satisfied(key);
    const candidates = claimable(this.pods, owner, this.kind.selector(owner));
    const active = await claimObjects(
      {
        client: this.runtime.client,
        owner,
        ownerResource: this.kind.resource,
        resource: gvr.pods,
        matches: (pod) => matches(pod.metadata.labels),
      },
      candidates.filter(isPodActive),
    );
    let failure: unknown;
    if (settled && owner.metadata.deletionTimestamp === undefined) {
      failure = await this.scale(key, owner, active);
    }
    const now = this.runtime.clock.now();
    const owns = (pod: Pod) => controllerOf(pod)?.uid === owner.metadata.uid && matches(pod.metadata.labels);
    const status = replicaStatus(owner, {
      active,
      terminating: this.kind.reportsTerminating
        ? candidates.filter((pod) => isPodTerminating(pod) && owns(pod))
        : undefined,
      failure,
      now,
      timestamp: formatTime(new Date(now)),
    });
    await this.writeStatus(owner, status);
    if (failure !== undefined) throw failure;
    const minReadySeconds = owner.spec.minReadySeconds ?? 0;
    if (minReadySeconds > 0 && (status.readyReplicas ?? 0) !== (status.availableReplicas ?? 0)) {
      return { requeueAfter: nextAvailability(active, minReadySeconds, now) ?? minReadySeconds * 1000 };
    }
    return undefined;
  }

  /** Creates or deletes; returns what it failed with. */
  private async scale(key: string, owner: ReplicaOwner, active: readonly Pod[]): Promise<unknown> {
    const difference = replicaDifference(owner, active.length);
    if (difference === 0) return undefined;
    const pod = podFromTemplate(owner.spec.template!, owner);
    const changes: PodChanges =
      difference > 0
        ? { create: Array.from({ length: difference }, () => pod), remove: [] }
        : { create: [], remove: podsToDelete(active, this.related(owner), -difference, this.runtime.clock.now()) };
    return changePods(this.runtime, this.expectations, key, owner, changes);
  }

  /** Pods of all owners that have the same controller as this one: those of the other revisions of a Deployment. */
  private related(owner: ReplicaOwner): Pod[] {
    const parent = controllerOf(owner);
    const owners = parent ? controlledBy(this.owners, parent.uid) : [owner];
    return owners.flatMap((other) => controlledBy(this.pods, other.metadata.uid!));
  }

  private async writeStatus(owner: ReplicaOwner, status: ReplicaStatus): Promise<void> {
    if (deepEqual(owner.status, status)) return;
    const { client } = this.runtime;
    const { namespace, name, uid } = owner.metadata;
    const write = (current: KubeObject) =>
      client.update(this.kind.resource, namespace!, { ...current, status }, { subresource: 'status' });
    try {
      await write(owner);
    } catch (error) {
      if (!isConflict(error)) throw error;
      const fresh = await client.get(this.kind.resource, namespace!, name!);
      if (fresh.metadata.uid === uid) await write(fresh);
    }
  }
}
