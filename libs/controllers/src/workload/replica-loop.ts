import { deepEqual, formatTime, type GroupVersionResource, isConflict, type KubeObject } from '#apimachinery';
import { ControlLoop, Expectations, type Informer, objectKey, type Requeue } from '#client';
import { gvr, type Pod } from '#kinds';
import type { Controller, ControllerRuntime } from '../context.js';
import { claimObjects, controllerOf } from './controller-ref.js';
import { podsToDelete } from './deletion-ranking.js';
import { changePods, podFromTemplate } from './pod-control.js';
import {
  isPodActive,
  isPodReady,
  isPodTerminating,
  nextAvailability,
  ownedAndOrphaned,
  PODS_BY_CONTROLLER,
  podInformer,
} from './pods.js';
import { type ReplicaOwner, type ReplicaStatus, replicaDifference, replicaStatus } from './replicas.js';

export interface ReplicaKind {
  name: string;
  resource: GroupVersionResource;
  kind: string;
  reportsTerminating: boolean;
  /** Undefined when the selector cannot be read. */
  selector(owner: ReplicaOwner): ((labels: Record<string, string> | undefined) => boolean) | undefined;
}

/** Keeps the number of pods that a ReplicaSet or a ReplicationController asks for. */
export class ReplicaLoop implements Controller {
  readonly name: string;
  private readonly owners: Informer<ReplicaOwner>;
  private readonly pods: Informer<Pod>;
  private readonly expectations: Expectations;
  private readonly loop: ControlLoop;

  constructor(
    private readonly kind: ReplicaKind,
    private readonly runtime: ControllerRuntime,
  ) {
    const { informers, clock, logger } = runtime;
    this.name = kind.name;
    this.expectations = new Expectations(clock);
    this.owners = informers.for<ReplicaOwner>(kind.resource);
    this.pods = podInformer(informers);
    this.loop = new ControlLoop({ name: kind.name, clock, logger, reconcile: (key) => this.reconcile(key) });
    this.owners.addIndex('controller', (owner) => [controllerOf(owner)?.uid ?? '']);
    this.owners.addHandler({
      add: (owner) => this.loop.add(objectKey(owner)),
      update: (old, owner) => {
        if (old.metadata.uid !== owner.metadata.uid) this.expectations.forget(objectKey(old));
        this.loop.add(objectKey(owner));
      },
      delete: (owner) => {
        this.expectations.forget(objectKey(owner));
        this.loop.add(objectKey(owner));
      },
    });
    this.pods.addHandler({
      add: (pod) => this.podAdded(pod),
      update: (old, pod) => this.podUpdated(old, pod),
      delete: (pod) => this.podDeleted(pod),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.owners.whenSynced(signal), this.pods.whenSynced(signal)]);
    await this.loop.run(signal);
  }

  private podAdded(pod: Pod): void {
    if (pod.metadata.deletionTimestamp) {
      this.podDeleted(pod);
      return;
    }
    const owner = this.ownerOf(pod);
    if (owner) {
      this.expectations.creationObserved(objectKey(owner));
      this.loop.add(objectKey(owner));
    } else if (!controllerOf(pod)) this.wakeMatching(pod);
  }

  private podUpdated(old: Pod, pod: Pod): void {
    const labelsChanged = !deepEqual(old.metadata.labels, pod.metadata.labels);
    if (pod.metadata.deletionTimestamp) {
      this.podDeleted(pod);
      return;
    }
    const oldOwner = this.ownerOf(old);
    const owner = this.ownerOf(pod);
    const ownerChanged = controllerOf(old)?.uid !== controllerOf(pod)?.uid;
    if (oldOwner && ownerChanged) this.loop.add(objectKey(oldOwner));
    if (owner) {
      this.loop.add(objectKey(owner));
      const minReadySeconds = owner.spec.minReadySeconds ?? 0;
      if (minReadySeconds > 0 && !isPodReady(old) && isPodReady(pod)) {
        this.loop.addAfter(objectKey(owner), minReadySeconds * 1000);
      }
    } else if (!controllerOf(pod) && (labelsChanged || ownerChanged)) this.wakeMatching(pod);
  }

  private podDeleted(pod: Pod): void {
    const owner = this.ownerOf(pod);
    if (!owner) return;
    this.expectations.deletionObserved(objectKey(owner), pod.metadata.uid!);
    this.loop.add(objectKey(owner));
  }

  private ownerOf(pod: Pod): ReplicaOwner | undefined {
    const reference = controllerOf(pod);
    if (reference?.kind !== this.kind.kind) return undefined;
    const owner = this.owners.get(pod.metadata.namespace!, reference.name);
    return owner?.metadata.uid === reference.uid ? owner : undefined;
  }

  private wakeMatching(pod: Pod): void {
    for (const owner of this.owners.values(pod.metadata.namespace!)) {
      if (this.kind.selector(owner)?.(pod.metadata.labels)) this.loop.add(objectKey(owner));
    }
  }

  private async reconcile(key: string): Promise<Requeue | undefined> {
    const owner = this.owners.getByKey(key);
    if (!owner) {
      this.expectations.forget(key);
      return undefined;
    }
    const selector = this.kind.selector(owner);
    if (!selector) return undefined;
    const settled = this.expectations.satisfied(key);
    const candidates = ownedAndOrphaned(this.pods, owner);
    const active = await claimObjects(
      {
        client: this.runtime.client,
        owner,
        ownerResource: this.kind.resource,
        resource: gvr.pods,
        matches: (pod) => selector(pod.metadata.labels),
      },
      candidates.filter(isPodActive),
    );
    let failure: unknown;
    if (settled && owner.metadata.deletionTimestamp === undefined) {
      failure = await this.scale(key, owner, active);
    }
    const now = this.runtime.clock.now();
    const owns = (pod: Pod) => controllerOf(pod)?.uid === owner.metadata.uid && selector(pod.metadata.labels);
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
    return changePods(this.runtime, this.expectations, key, owner, {
      create: Array.from({ length: Math.max(0, difference) }, () => pod),
      remove: podsToDelete(active, this.related(owner), Math.max(0, -difference), this.runtime.clock.now()),
    });
  }

  /** Pods of all owners that have the same controller as this one: those of the other revisions of a Deployment. */
  private related(owner: ReplicaOwner): Pod[] {
    const controller = controllerOf(owner);
    const owners = controller ? this.owners.byIndex('controller', controller.uid) : [owner];
    return owners.flatMap((other) => this.pods.byIndex(PODS_BY_CONTROLLER, other.metadata.uid!));
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
