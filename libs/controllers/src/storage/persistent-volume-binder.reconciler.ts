import { deepEqual, isNotFound } from '#apimachinery';
import { type Informer, objectKey, type Requeue } from '#client';
import {
  boundVolume,
  claimClass,
  claimKeysOf,
  gvr,
  newestDefault,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
  volumeClass,
} from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller, joined } from '../controller.js';
import { isPodFinished, podInformer } from '../workload/pods.js';
import { boundClaim, boundStatus, type ClaimAction, type ClaimEvent, planClaim } from './claim-binding.plan.js';
import { planVolume, unboundVolume } from './volume-binding.plan.js';
import { VolumeCounts } from './volume-counts.js';
import { volumeRecycler } from './volume-recycler.js';

const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
const BETA_STORAGE_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
const STATUS = { subresource: 'status' };
const BY_CLASS = 'storageClass';
/** Claims that are not bound: all of them, and by class. */
const PENDING = 'pending';
const ANY = '';
const PENDING_OF_CLASS = 'pendingOfClass';
const BY_POD_CLAIM = 'persistentVolumeClaim';
/** Claims that wait are looked at again and say why they wait: kube-controller-manager's --pvclaimbinder-sync-period. */
const SYNC_PERIOD = 15_000;
/** The volume or the claim that was just written is seen by then. */
const CATCH_UP = 100;

/** Binds claims to volumes and says what becomes of both. Volumes are made and deleted by provisioners. */
export function persistentVolumeBinder(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'persistent-volume-binder', 'persistentvolume-controller');
  const binder = new PersistentVolumeBinder(runtime);
  const { informers } = runtime;
  const claims = informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  claims.addIndex(PENDING, ({ status }) => (status?.phase === 'Bound' ? [] : [ANY]));
  claims.addIndex(PENDING_OF_CLASS, (claim) => (claim.status?.phase === 'Bound' ? [] : [claimClass(claim)]));
  const pending = () => claims.byIndex(PENDING, ANY).map(objectKey);
  const waitingFor = (volume: PersistentVolume) => claims.byIndex(PENDING_OF_CLASS, volumeClass(volume)).map(objectKey);
  const name = 'persistentvolume-binder-controller';
  const claimLoop = controller(name, runtime)
    .for<PersistentVolumeClaim>(gvr.persistentvolumeclaims)
    .watches<PersistentVolume>(gvr.persistentvolumes, {
      add: (volume) => [...claimOf(volume), ...waitingFor(volume)],
      update: (old, volume) => [
        ...claimOf(old),
        ...claimOf(volume),
        ...(volume.status?.phase === 'Available' ? waitingFor(volume) : []),
      ],
      delete: claimOf,
    })
    .watches<StorageClass>(gvr.storageclasses, { add: () => pending(), update: () => pending() })
    .reads(gvr.pods)
    .every(SYNC_PERIOD, pending)
    // Two claims at once could choose the same volume: one of them would only fail and start again.
    .workers(1)
    .reconcile((key) => binder.reconcileClaim(key));
  const volumeLoop = controller('persistentvolume-binder-volumes', runtime)
    .for<PersistentVolume>(gvr.persistentvolumes)
    .watches<PersistentVolumeClaim>(gvr.persistentvolumeclaims, (claim) => binder.volumesFor(claim))
    .reconcile((key) => binder.reconcileVolume(key));
  const counts = new VolumeCounts(runtime);
  return counts.during(joined(claimLoop, volumeLoop, volumeRecycler(runtime)));
}

function claimOf({ spec: { claimRef } }: PersistentVolume): string[] {
  return claimRef ? [`${claimRef.namespace}/${claimRef.name}`] : [];
}

const BY_CLAIM = 'claim';

class PersistentVolumeBinder {
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly volumes: Informer<PersistentVolume>;
  private readonly classes: Informer<StorageClass>;
  private readonly pods: Informer<Pod>;
  private readonly retroactive;
  private readonly retroactiveErrors;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, metrics } = runtime;
    this.claims = informers.for(gvr.persistentvolumeclaims);
    this.volumes = informers.for(gvr.persistentvolumes);
    this.classes = informers.for(gvr.storageclasses);
    this.pods = podInformer(informers);
    this.pods.addIndex(BY_POD_CLAIM, claimKeysOf);
    this.volumes.addIndex(BY_CLASS, (volume) => [volumeClass(volume)]);
    this.volumes.addIndex(BY_CLAIM, claimOf);
    this.retroactive = metrics
      .counter({ name: 'retroactive_storageclass_total', help: 'Claims without a class that got the default one.' })
      .cell();
    this.retroactiveErrors = metrics
      .counter({
        name: 'retroactive_storageclass_errors_total',
        help: 'Claims without a class that could not be given the default one.',
      })
      .cell();
  }

  /** Keys of the volumes that an event of the claim concerns. */
  volumesFor(claim: PersistentVolumeClaim): string[] {
    const reserved = this.volumes.byIndex(BY_CLAIM, objectKey(claim)).map(objectKey);
    const { volumeName } = claim.spec;
    return volumeName ? [...reserved, volumeName] : reserved;
  }

  async reconcileClaim(key: string): Promise<Requeue | undefined> {
    const claim = this.claims.getByKey(key);
    if (!claim) return undefined;
    const { volumeName } = claim.spec;
    const action = planClaim({
      claim,
      named: volumeName ? this.volumes.getByKey(volumeName) : undefined,
      // A reserved volume may be of any class.
      volumes: () => [...this.volumes.byIndex(BY_CLAIM, key), ...this.volumes.byIndex(BY_CLASS, claimClass(claim))],
      storageClass: this.classes.getByKey(claimClass(claim)),
      defaultClass: () => newestDefault(this.classes.list(), DEFAULT_CLASS) as StorageClass | undefined,
      waitingPods: () =>
        this.pods
          .byIndex(BY_POD_CLAIM, key)
          .filter((pod) => !isPodFinished(pod) && !pod.spec.nodeName)
          .map(({ metadata }) => metadata.name!),
    });
    await this.act(claim, action);
    return undefined;
  }

  private async act(claim: PersistentVolumeClaim, action: ClaimAction): Promise<void> {
    const { recorder } = this.runtime;
    const tell = (event: ClaimEvent | undefined) => {
      if (event) recorder.event(claim, event.type, event.reason, event.message);
    };
    switch (action.do) {
      case 'bind':
        await this.bind(action.volume, claim);
        return;
      case 'setPhase':
        if (await this.setClaimPhase(claim, action.phase)) tell(action.event);
        tell(action.always);
        return;
      case 'setClass':
        await this.setClass(claim, action.name);
        return;
      case 'callProvisioner':
        await this.callProvisioner(claim, action.name);
        tell(action.event);
        return;
      case 'tell':
        tell(action.event);
        return;
    }
  }

  /** The volume first: whoever finds half of it done can finish it. */
  private async bind(found: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
    const { client } = this.runtime;
    const { namespace = '' } = claim.metadata;
    const wanted = boundVolume(found, claim);
    let volume = wanted ? await client.update<PersistentVolume>(gvr.persistentvolumes, '', wanted) : found;
    volume = await this.setVolumePhase(volume, 'Bound');
    const changed = boundClaim(claim, volume);
    const bound = changed
      ? await client.update<PersistentVolumeClaim>(gvr.persistentvolumeclaims, namespace, changed)
      : claim;
    const status = boundStatus(bound, volume);
    if (deepEqual(status, bound.status)) return;
    await client.update(gvr.persistentvolumeclaims, namespace, { ...bound, status }, STATUS);
  }

  /** True when the phase was another one. */
  private async setClaimPhase(claim: PersistentVolumeClaim, phase: 'Pending' | 'Lost'): Promise<boolean> {
    const { accessModes, capacity, currentVolumeAttributesClassName, ...rest } = claim.status ?? {};
    if (rest.phase === phase && accessModes === undefined && capacity === undefined) return false;
    const status = { ...rest, phase };
    await this.runtime.client.update(
      gvr.persistentvolumeclaims,
      claim.metadata.namespace!,
      { ...claim, status },
      STATUS,
    );
    return rest.phase !== phase;
  }

  private async setClass(claim: PersistentVolumeClaim, storageClassName: string): Promise<void> {
    const changed = { ...claim, spec: { ...claim.spec, storageClassName } };
    try {
      await this.runtime.client.update(gvr.persistentvolumeclaims, claim.metadata.namespace!, changed);
      this.retroactive.value += 1;
    } catch (error) {
      this.retroactiveErrors.value += 1;
      throw error;
    }
  }

  private async callProvisioner(claim: PersistentVolumeClaim, provisioner: string): Promise<void> {
    const { annotations } = claim.metadata;
    if (annotations?.[STORAGE_PROVISIONER] === provisioner) return;
    const metadata = {
      ...claim.metadata,
      annotations: {
        ...annotations,
        [BETA_STORAGE_PROVISIONER]: provisioner,
        [STORAGE_PROVISIONER]: provisioner,
      },
    };
    await this.runtime.client.update(gvr.persistentvolumeclaims, claim.metadata.namespace!, { ...claim, metadata });
  }

  async reconcileVolume(key: string): Promise<Requeue | undefined> {
    const { client, recorder } = this.runtime;
    const volume = this.volumes.getByKey(key);
    if (!volume) return undefined;
    const claim = await this.claimFor(volume);
    const action = planVolume(volume, claim);
    switch (action.do) {
      case 'setPhase': {
        const changed = await this.setVolumePhase(volume, action.phase, action.event?.message);
        if (action.event && changed !== volume) {
          recorder.event(changed, action.event.type, action.event.reason, action.event.message);
        }
        return undefined;
      }
      case 'unbind': {
        const free = await client.update<PersistentVolume>(gvr.persistentvolumes, '', unboundVolume(volume));
        await this.setVolumePhase(free, 'Available');
        return undefined;
      }
      case 'tell':
        recorder.event(volume, action.volume.type, action.volume.reason, action.volume.message);
        recorder.event(claim!, action.claim.type, action.claim.reason, action.claim.message);
        return undefined;
      case 'wakeClaim':
        // The claim's loop heard of this volume as well; this is for a claim that came before its informer's event.
        return this.claims.getByKey(objectKey(claim!)) ? undefined : { requeueAfter: CATCH_UP };
      case 'nothing':
        return undefined;
    }
  }

  /** What bears the name of the volume's claim. A volume is given up only on the server's word. */
  private async claimFor({ spec: { claimRef }, status }: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    if (!claimRef?.uid) return undefined;
    const { namespace = '', name = '' } = claimRef;
    const known = this.claims.get(namespace, name);
    if (known?.metadata.uid === claimRef.uid) return known;
    if (!known && (status?.phase === 'Released' || status?.phase === 'Failed')) return undefined;
    return this.runtime.client
      .get<PersistentVolumeClaim>(gvr.persistentvolumeclaims, namespace, name)
      .catch((error) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
  }

  /** The volume as it is then: the same when it had the phase. */
  private async setVolumePhase(
    volume: PersistentVolume,
    phase: 'Available' | 'Bound' | 'Released' | 'Failed',
    message?: string,
  ): Promise<PersistentVolume> {
    if (volume.status?.phase === phase) return volume;
    const { message: _old, ...rest } = volume.status ?? {};
    const status = { ...rest, phase, ...(message ? { message } : {}) };
    return this.runtime.client.update(gvr.persistentvolumes, '', { ...volume, status }, STATUS);
  }
}
