import { isAlreadyExists, isNotFound } from '#apimachinery';
import { type Informer, objectKey, type Requeue } from '#client';
import {
  type ConfigMap,
  claimClass,
  gvr,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  SELECTED_NODE,
  type StorageClass,
  storageCapacity,
} from '#kinds';
import {
  type Controller,
  type ControllerContext,
  type ControllerRuntime,
  NO_FOLDERS,
  type NodeFolderError,
  type NodeFolders,
  runtimeFor,
} from '../context.js';
import { controller, joined } from '../controller.js';
import {
  abandonedFolder,
  expansion,
  FOLDER_FINALIZER,
  folderToDelete,
  holderOf,
  isLetGo,
  LOCAL_PATH,
  limitedFolder,
  localPathVolume,
  type ProvisionPlan,
  planProvision,
  requestedBytes,
  volumeName,
} from './local-path.plan.js';
import { LocalPathSettings } from './local-path-settings.js';
import { LocalPathSweeper } from './local-path-sweeper.js';

/** Nodes that do not answer hold one each until the request fails. */
const WORKERS = 20;

const RESIZE_CONDITIONS: readonly string[] = ['Resizing', 'FileSystemResizePending'];

/**
 * Makes, expands and deletes volumes of classes with the provisioner `berth.io/local-path`, the way in which external
 * provisioners do: by the annotations of claims and volumes. The folders are made and deleted by the agents of the nodes.
 */
export function localPathProvisioner(context: ControllerContext): Controller {
  const name = 'local-path-provisioner-controller';
  const runtime = runtimeFor(context, 'local-path-provisioner', LOCAL_PATH);
  const folders = context.options.nodeFolders ?? NO_FOLDERS;
  const provisioner = new LocalPathProvisioner(runtime, folders);
  const claimLoop = controller(name, runtime)
    .for<PersistentVolumeClaim>(gvr.persistentvolumeclaims, {
      observe: { delete: (claim) => provisioner.claimGone(claim) },
    })
    .watches<PersistentVolume>(gvr.persistentvolumes, ({ spec: { claimRef } }) =>
      claimRef ? `${claimRef.namespace}/${claimRef.name}` : undefined,
    )
    .watches<ConfigMap>(gvr.configmaps, (map) => provisioner.configured(map))
    .reads(gvr.storageclasses, gvr.nodes)
    .workers(WORKERS)
    .reconcile((key) => provisioner.reconcileClaim(key));
  const volumeLoop = controller('local-path-provisioner-volumes', runtime)
    .for<PersistentVolume>(gvr.persistentvolumes, {
      when: (volume) => folderToDelete(volume) !== undefined || isLetGo(volume),
    })
    .reads(gvr.nodes)
    .workers(WORKERS)
    .reconcile((key) => provisioner.reconcileVolume(key));
  const sweeper = new LocalPathSweeper(runtime, folders, provisioner.settings);
  const nodeLoop = controller('local-path-provisioner-nodes', runtime)
    .for<Node>(gvr.nodes, { when: (node) => sweeper.wants(node), observe: { delete: (node) => sweeper.forget(node) } })
    .reads(gvr.persistentvolumes, gvr.configmaps)
    .workers(WORKERS)
    .reconcile((key) => sweeper.sweep(key));
  return joined(claimLoop, volumeLoop, nodeLoop);
}

class LocalPathProvisioner {
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly volumes: Informer<PersistentVolume>;
  private readonly classes: Informer<StorageClass>;
  private readonly nodes: Informer<Node>;
  readonly settings: LocalPathSettings;
  /** Claims that went before they had a volume, by their uids. */
  private readonly abandoned = new Map<string, { key: string; node: string; folder: string }>();

  constructor(
    private readonly runtime: ControllerRuntime,
    private readonly folders: NodeFolders,
  ) {
    const { informers } = runtime;
    this.claims = informers.for(gvr.persistentvolumeclaims);
    this.volumes = informers.for(gvr.persistentvolumes);
    this.classes = informers.for(gvr.storageclasses);
    this.nodes = informers.for(gvr.nodes);
    this.settings = new LocalPathSettings(runtime);
  }

  /** Keys of the claims that wait for a volume, which the configuration may give to them now. */
  configured(map: ConfigMap): string[] {
    if (!this.settings.concerns(map)) return [];
    this.settings.look();
    return this.claims
      .list()
      .filter(({ spec }) => !spec.volumeName)
      .map(objectKey);
  }

  claimGone(claim: PersistentVolumeClaim): void {
    const found = abandonedFolder(claim, this.classes.getByKey(claimClass(claim)));
    if (found) this.abandoned.set(claim.metadata.uid!, { key: objectKey(claim), ...found });
  }

  /** A folder without a volume would have nobody who deletes it. No pod ever had it, so nothing is in it. */
  private async clean(key: string): Promise<void> {
    for (const [uid, { key: of, node, folder }] of this.abandoned) {
      if (of !== key) continue;
      // A pattern gives a later claim of that name the same folder.
      const taken = folder.includes('/') && (this.claims.getByKey(key) ?? (await this.holder(node, folder)));
      if (!taken && !(await this.volumeOf(`pvc-${uid}`)) && this.nodes.getByKey(node)) {
        // Which of them it was in, if in any, nobody wrote down. None was made where the agent makes none.
        for (const root of [undefined, ...this.settings.known(node)]) {
          await this.folders.deleteEmpty({ node, folder, root }).catch((error: NodeFolderError) => {
            if (!error.refused) throw error;
          });
        }
      }
      this.abandoned.delete(uid);
    }
  }

  /** The volume of another claim that has a folder of a pattern, as the server knows it. */
  private async holder(node: string, folder: string, own = ''): Promise<PersistentVolume | undefined> {
    const { items } = await this.runtime.client.list<PersistentVolume>(gvr.persistentvolumes, {});
    return holderOf(folder, node, own, items);
  }

  private volumeOf(name: string): Promise<PersistentVolume | undefined> {
    return this.runtime.client.get<PersistentVolume>(gvr.persistentvolumes, '', name).catch((error) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  /** A claim that is there comes first: the node of one that went may be away for long. */
  async reconcileClaim(key: string): Promise<Requeue | undefined> {
    const requeue = await this.provide(key);
    await this.clean(key);
    return requeue;
  }

  private async provide(key: string): Promise<Requeue | undefined> {
    const claim = this.claims.getByKey(key);
    if (!claim) return undefined;
    const { volumeName } = claim.spec;
    if (volumeName) {
      const volume = this.volumes.getByKey(volumeName);
      const size = volume && expansion(claim, volume);
      if (size) await this.expand(claim, volume, size.toString());
      return undefined;
    }
    const storageClass = this.classes.getByKey(claimClass(claim));
    const plan = planProvision(claim, storageClass, (name) => this.nodes.getByKey(name));
    switch (plan.do) {
      case 'nothing':
        return undefined;
      case 'refuse':
        this.failed(claim, storageClass!, plan.message);
        return undefined;
      case 'reschedule':
        await this.reschedule(claim);
        return undefined;
      case 'provision':
        if (this.volumes.getByKey(`pvc-${claim.metadata.uid}`)) return undefined;
        await this.provision(claim, storageClass!, plan);
        return undefined;
    }
  }

  private failed(claim: PersistentVolumeClaim, { metadata }: StorageClass, why: string): void {
    const message = `failed to provision volume with StorageClass ${JSON.stringify(metadata.name)}: ${why}`;
    this.runtime.recorder.event(claim, 'Warning', 'ProvisioningFailed', message);
  }

  /** Takes the node's name off the claim: the scheduler sees that and begins anew. */
  private async reschedule(claim: PersistentVolumeClaim): Promise<void> {
    const { [SELECTED_NODE]: _node, ...annotations } = claim.metadata.annotations!;
    const changed = { ...claim, metadata: { ...claim.metadata, annotations } };
    await this.runtime.client.update(gvr.persistentvolumeclaims, claim.metadata.namespace!, changed);
  }

  private async provision(
    claim: PersistentVolumeClaim,
    storageClass: StorageClass,
    { node, folder, source }: Extract<ProvisionPlan, { do: 'provision' }>,
  ): Promise<void> {
    const { client, recorder } = this.runtime;
    const told = JSON.stringify(objectKey(claim));
    recorder.event(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim ${told}`);
    let volume: PersistentVolume;
    try {
      // A folder without a volume does no harm: the next try finds it.
      const name = node.metadata.name!;
      const root = this.settings.current()?.rootFor(name, claim.metadata.uid!, storageClass);
      const holder = folder.includes('/') && (await this.holder(name, folder, volumeName(claim)));
      if (holder) throw new Error(`the folder ${folder} on node ${name} belongs to volume ${holder.metadata.name}`);
      const made = await this.folders.create({ node: name, folder, root }, requestedBytes(claim));
      volume = localPathVolume(claim, storageClass, node, made, source);
      await client.create(gvr.persistentvolumes, '', volume);
    } catch (error) {
      if (isAlreadyExists(error)) return;
      this.failed(claim, storageClass, (error as Error).message);
      throw error;
    }
    const message = `Successfully provisioned volume ${volume.metadata.name}`;
    recorder.event(claim, 'Normal', 'ProvisioningSucceeded', message);
  }

  /** A folder that is not limited needs nothing done to hold more. */
  private async expand(claim: PersistentVolumeClaim, volume: PersistentVolume, storage: string): Promise<void> {
    const { client, recorder } = this.runtime;
    const limited = limitedFolder(volume);
    if (limited && this.nodes.getByKey(limited.node)) {
      try {
        await this.folders.limit(limited, requestedBytes(claim));
      } catch (error) {
        recorder.event(claim, 'Warning', 'VolumeResizeFailed', (error as Error).message);
        throw error;
      }
    }
    if (storageCapacity(volume).toString() !== storage) {
      const capacity = { ...volume.spec.capacity, storage };
      await client.update(gvr.persistentvolumes, '', { ...volume, spec: { ...volume.spec, capacity } });
    }
    const conditions = claim.status?.conditions?.filter(({ type }) => !RESIZE_CONDITIONS.includes(type));
    const status = { ...claim.status, capacity: { ...claim.status?.capacity, storage }, conditions };
    await client.update(
      gvr.persistentvolumeclaims,
      claim.metadata.namespace!,
      { ...claim, status },
      { subresource: 'status' },
    );
    recorder.event(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
  }

  async reconcileVolume(key: string): Promise<Requeue | undefined> {
    const known = this.volumes.getByKey(key);
    if (!known || (!folderToDelete(known) && !isLetGo(known))) return undefined;
    // What is deleted is gone: the server has the last word.
    const volume = await this.volumeOf(key);
    if (volume?.metadata.uid !== known.metadata.uid) return undefined;
    const found = volume && folderToDelete(volume);
    if (found) {
      try {
        // The folder of a node that is gone for good is gone with it.
        if (this.nodes.getByKey(found.node)) await this.folders.delete(found);
      } catch (error) {
        this.runtime.recorder.event(volume, 'Warning', 'VolumeFailedDelete', (error as Error).message);
        throw error;
      }
    } else if (!volume || !isLetGo(volume)) return undefined;
    await this.letGo(volume);
    return undefined;
  }

  private async letGo(volume: PersistentVolume): Promise<void> {
    const { client } = this.runtime;
    const finalizers = volume.metadata.finalizers?.filter((name) => name !== FOLDER_FINALIZER);
    try {
      if (volume.metadata.finalizers?.includes(FOLDER_FINALIZER)) {
        await client.update(gvr.persistentvolumes, '', { ...volume, metadata: { ...volume.metadata, finalizers } });
      }
      await client.delete(gvr.persistentvolumes, '', volume.metadata.name!, {
        preconditions: { uid: volume.metadata.uid },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
