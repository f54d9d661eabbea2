import { type GroupVersionResource, isNotFound } from '#apimachinery';
import { type Informer, objectKey, type Requeue } from '#client';
import {
  claimKeysOf,
  gvr,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  reachableFrom,
} from '#kinds';
import { type Controller, type ControllerRuntime, NO_FOLDERS, type NodeFolders } from '../context.js';
import { controller } from '../controller.js';
import { isPodFinished, podInformer } from '../workload/pods.js';
import { pathToScrub, planVolume, unboundVolume, volumeInFolder } from './volume-binding.plan.js';

/** A volume that could not be emptied is tried again then, as with kube-controller-manager's resync. */
const RETRY = 15_000;
/** Nodes that do not answer hold a worker until the request fails. */
const WORKERS = 20;
/** Nodes that are asked at the same time about one volume. */
const NODES_AT_ONCE = 20;
const BY_POD_CLAIM = 'persistentVolumeClaim';

/**
 * Empties released volumes with the policy Recycle and offers them again. kube-controller-manager runs a pod that deletes the
 * files; here the agents do, of all nodes that reach the volume: any of them may have had its pods.
 */
export function volumeRecycler(runtime: ControllerRuntime): Controller {
  const recycler = new VolumeRecycler(runtime, runtime.options.nodeFolders ?? NO_FOLDERS);
  return controller('persistentvolume-binder-recycler', runtime)
    .for<PersistentVolume>(gvr.persistentvolumes, { when: (volume) => pathToScrub(volume) !== undefined })
    .reads(gvr.nodes, gvr.pods)
    .workers(WORKERS)
    .reconcile((key) => recycler.reconcile(key));
}

class VolumeRecycler {
  private readonly volumes: Informer<PersistentVolume>;
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;

  constructor(
    private readonly runtime: ControllerRuntime,
    private readonly folders: NodeFolders,
  ) {
    const { informers } = runtime;
    this.volumes = informers.for(gvr.persistentvolumes);
    this.nodes = informers.for(gvr.nodes);
    this.pods = podInformer(informers);
    this.pods.addIndex(BY_POD_CLAIM, claimKeysOf);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const known = this.volumes.getByKey(key);
    if (!known || pathToScrub(known) === undefined) return undefined;
    const { client, recorder } = this.runtime;
    // What is deleted is gone: the server has the last word.
    const volume = await this.find<PersistentVolume>(gvr.persistentvolumes, '', key);
    if (!volume || volume.metadata.uid !== known.metadata.uid) return undefined;
    const path = pathToScrub(volume);
    if (path === undefined) return undefined;
    const { namespace = '', name = '' } = volume.spec.claimRef!;
    const claim = await this.find<PersistentVolumeClaim>(gvr.persistentvolumeclaims, namespace, name);
    if (planVolume(volume, claim).do !== 'nothing') return undefined;
    // Pods that name a claim which is there again have the volume of that one.
    const users = claim ? [] : this.pods.byIndex(BY_POD_CLAIM, `${namespace}/${name}`);
    const running = users.filter((pod) => !isPodFinished(pod)).map(objectKey);
    if (running.length > 0) {
      recorder.event(volume, 'Normal', 'VolumeFailedRecycle', `Volume is used by pods: ${running.sort().join(',')}`);
      return { requeueAfter: RETRY };
    }
    try {
      await this.scrub(volume, path);
    } catch (error) {
      await this.fail(volume, `Recycle failed: failed to recycle volume: ${(error as Error).message}`);
      return { requeueAfter: RETRY };
    }
    recorder.event(volume, 'Normal', 'VolumeRecycled', 'Volume recycled');
    // The binder makes it available.
    await client.update(gvr.persistentvolumes, '', unboundVolume(volume));
    return undefined;
  }

  private async scrub(volume: PersistentVolume, path: string): Promise<void> {
    const nodes = this.nodes.list().filter((node) => reachableFrom(volume, node));
    if (nodes.length === 0) throw new Error('no node has the volume');
    const other = volumeInFolder(volume, path, nodes, this.volumes.list());
    if (other) throw new Error(`volume ${JSON.stringify(other.metadata.name)} has files in the same folder`);
    for (let at = 0; at < nodes.length; at += NODES_AT_ONCE) {
      const batch = nodes.slice(at, at + NODES_AT_ONCE);
      await Promise.all(batch.map(({ metadata }) => this.folders.scrub(metadata.name!, path)));
    }
  }

  private async fail(volume: PersistentVolume, message: string): Promise<void> {
    if (volume.status?.phase === 'Failed') return;
    const status = { ...volume.status, phase: 'Failed' as const, message };
    await this.runtime.client.update(gvr.persistentvolumes, '', { ...volume, status }, { subresource: 'status' });
    this.runtime.recorder.event(volume, 'Warning', 'VolumeFailedRecycle', message);
  }

  private find<T extends PersistentVolume | PersistentVolumeClaim>(
    resource: GroupVersionResource,
    namespace: string,
    name: string,
  ): Promise<T | undefined> {
    return this.runtime.client.get<T>(resource, namespace, name).catch((error) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }
}
