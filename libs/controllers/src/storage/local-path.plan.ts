import { Quantity } from '#apimachinery';
import {
  claimClass,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PROVISIONED_BY,
  referenceTo,
  requestedStorage,
  SELECTED_NODE,
  type StorageClass,
  storageCapacity,
  waitsForConsumer,
} from '#kinds';
import type { NodeFolder } from '../context.js';
import { isPatterned, patternedFolder } from './local-path-pattern.js';

/** The provisioner's name, as classes give it. Rancher's own is another one: both can run and serve their own classes. */
export const LOCAL_PATH = 'berth.io/local-path';
/** Where a claim says who makes its volume. */
const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
/** Keeps a volume's object until its folder is gone; external provisioners of the reference use the same. */
export const FOLDER_FINALIZER = 'external-provisioner.volume.kubernetes.io/finalizer';
/** The node that has the folder. */
const FOLDER_NODE = `${LOCAL_PATH}-node`;
/** The folder's name below its root, if it is not of the usual form. */
const FOLDER_NAME = `${LOCAL_PATH}-folder`;
/** The file system of the node lets the folder hold no more than the volume's capacity. */
const LIMITED = `${LOCAL_PATH}-limited`;
const HOSTNAME = 'kubernetes.io/hostname';
const MODES: readonly string[] = ['ReadWriteOnce', 'ReadWriteOncePod'];
/** On a claim, and on a class: the type of the volume, as for Rancher's provisioner. */
const VOLUME_TYPE = 'volumeType';
const DEFAULT_VOLUME_TYPE = 'defaultVolumeType';
const SOURCES = new Map<string, VolumeSource>([
  ['local', 'local'],
  ['hostpath', 'hostPath'],
]);
/** Bytes of a file name that Linux takes. */
const NAME_MAX = 255;

export type ProvisionPlan =
  | { do: 'nothing' }
  /** Only another claim or another class could be served. */
  | { do: 'refuse'; message: string }
  /** The chosen node is gone: the scheduler has to choose again. */
  | { do: 'reschedule' }
  | { do: 'provision'; node: Node; folder: string; source: VolumeSource };

/** What the volume is: a `hostPath` is made anew if it is missing, and belongs to no group of a pod. */
export type VolumeSource = 'local' | 'hostPath';

/** Pure: what becomes of a claim that waits for its volume. */
export function planProvision(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass | undefined,
  nodeOf: (name: string) => Node | undefined,
): ProvisionPlan {
  const { metadata, spec } = claim;
  const asks = metadata.annotations?.[STORAGE_PROVISIONER] === LOCAL_PATH && storageClass?.provisioner === LOCAL_PATH;
  if (!asks || spec.volumeName || metadata.deletionTimestamp !== undefined) return { do: 'nothing' };
  const selected = metadata.annotations?.[SELECTED_NODE];
  if (selected === undefined && waitsForConsumer(storageClass)) return { do: 'nothing' };
  const why = unsupported(claim, storageClass);
  if (why !== undefined) return { do: 'refuse', message: why };
  const type =
    metadata.annotations?.[VOLUME_TYPE] ?? storageClass.metadata.annotations?.[DEFAULT_VOLUME_TYPE] ?? 'local';
  const source = SOURCES.get(type.toLowerCase());
  if (!source) return { do: 'refuse', message: `${JSON.stringify(type)} is not a recognised volume type` };
  if (selected === undefined) return { do: 'refuse', message: 'configuration error, no node was specified' };
  const node = nodeOf(selected);
  if (!node) return { do: 'reschedule' };
  try {
    return { do: 'provision', node, folder: folderFor(claim, storageClass), source };
  } catch (error) {
    return { do: 'refuse', message: (error as Error).message };
  }
}

/** The claim's folder. Throws when the pattern of its class makes none of it. */
function folderFor({ metadata }: PersistentVolumeClaim, { parameters = {} }: StorageClass): string {
  return isPatterned({ parameters }) ? patternedFolder(parameters, metadata) : folderName(metadata);
}

/** What another volume on the node keeps the folder from: it, or one above or below it. */
export function holderOf(
  folder: string,
  node: string,
  own: string,
  volumes: readonly PersistentVolume[],
): PersistentVolume | undefined {
  return volumes.find(({ metadata }) => {
    const { [FOLDER_NODE]: on, [FOLDER_NAME]: other } = metadata.annotations ?? {};
    if (metadata.name === own || on !== node || other === undefined) return false;
    return `${other}/`.startsWith(`${folder}/`) || `${folder}/`.startsWith(`${other}/`);
  });
}

/** The folder that may have been made for a claim that went before it had a volume; `storageClass`: the claim's. */
export function abandonedFolder(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass | undefined,
): { node: string; folder: string } | undefined {
  const { metadata, spec } = claim;
  const node = metadata.annotations?.[SELECTED_NODE];
  if (metadata.annotations?.[STORAGE_PROVISIONER] !== LOCAL_PATH || spec.volumeName || node === undefined)
    return undefined;
  try {
    return { node, folder: storageClass ? folderFor(claim, storageClass) : folderName(metadata) };
  } catch {
    // None was made.
    return undefined;
  }
}

/** The claim of a folder with a name of the usual form; undefined for one that is cut, or not of that form. */
export function claimOfFolder(
  folder: string,
): { volume: string; uid: string; namespace: string; name: string } | undefined {
  const [volume = '', namespace, name] = folder.split('_');
  if (folder.length >= NAME_MAX || !volume.startsWith('pvc-') || !namespace || !name) return undefined;
  return { volume, uid: volume.slice('pvc-'.length), namespace, name };
}

function unsupported({ spec }: PersistentVolumeClaim, storageClass: StorageClass): string | undefined {
  if (spec.selector) return 'claim.Spec.Selector is not supported';
  if (spec.volumeMode === 'Block') return 'volume mode Block is not supported';
  if (spec.dataSource || spec.dataSourceRef) return 'data sources are not supported';
  if (storageClass.mountOptions?.length) return 'mount options are not supported';
  if (spec.accessModes?.every((mode) => MODES.includes(mode))) return undefined;
  return 'only the access modes ReadWriteOnce and ReadWriteOncePod are supported';
}

export function volumeName({ metadata }: Pick<PersistentVolumeClaim, 'metadata'>): string {
  return `pvc-${metadata.uid}`;
}

function folderName(metadata: PersistentVolumeClaim['metadata']): string {
  return `${volumeName({ metadata })}_${metadata.namespace}_${metadata.name}`.slice(0, NAME_MAX);
}

/** Bytes that the claim asks for, as far as a number says them. */
export function requestedBytes(claim: PersistentVolumeClaim): number {
  return Math.min(requestedStorage(claim).value(), Number.MAX_SAFE_INTEGER);
}

/** The volume of a claim, in a folder of the node. */
export function localPathVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  { metadata: node }: Node,
  { path, limited }: { path: string; limited: boolean },
  source: VolumeSource,
): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName(claim),
      annotations: {
        [PROVISIONED_BY]: LOCAL_PATH,
        [FOLDER_NODE]: node.name!,
        ...(isPatterned(storageClass) && { [FOLDER_NAME]: folderFor(claim, storageClass) }),
        ...(limited && { [LIMITED]: 'true' }),
      },
      finalizers: [FOLDER_FINALIZER],
    },
    spec: {
      accessModes: claim.spec.accessModes,
      capacity: { storage: requestedStorage(claim).toString() },
      claimRef: referenceTo(claim),
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: claimClass(claim),
      volumeMode: 'Filesystem',
      ...(source === 'local' ? { local: { path } } : { hostPath: { path, type: 'DirectoryOrCreate' } }),
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            {
              matchExpressions: [{ key: HOSTNAME, operator: 'In', values: [node.labels?.[HOSTNAME] ?? node.name!] }],
            },
          ],
        },
      },
    },
  };
}

/** The folder of a volume that nobody has any more and that is to be deleted; undefined for all others. */
export function folderToDelete(volume: PersistentVolume): Required<NodeFolder> | undefined {
  const { spec, status } = volume;
  if (!spec.claimRef || spec.persistentVolumeReclaimPolicy !== 'Delete') return undefined;
  return status?.phase === 'Released' || status?.phase === 'Failed' ? folderOf(volume) : undefined;
}

/** The folder of a volume that is held to its capacity; undefined for all others. */
export function limitedFolder(volume: PersistentVolume): Required<NodeFolder> | undefined {
  return volume.metadata.annotations?.[LIMITED] === 'true' ? folderOf(volume) : undefined;
}

/** By its path, not by the claim's name now: a volume that was kept may have had another claim when its folder was made. */
function folderOf({ metadata, spec }: PersistentVolume): Required<NodeFolder> | undefined {
  const { [PROVISIONED_BY]: provisioner, [FOLDER_NODE]: node, [FOLDER_NAME]: named } = metadata.annotations ?? {};
  if (provisioner !== LOCAL_PATH || node === undefined) return undefined;
  const path = (spec.local ?? spec.hostPath)?.path ?? '';
  const folder = named ?? path.slice(path.lastIndexOf('/') + 1);
  if (!path.endsWith(`/${folder}`) || (named === undefined && !folder.startsWith(`${metadata.name}_`)))
    return undefined;
  return { node, folder, root: path.slice(0, -folder.length - 1) };
}

/** Whether the object alone is held back: it is to go, and its folder is to stay. */
export function isLetGo({ metadata, spec, status }: PersistentVolume): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    metadata.finalizers?.includes(FOLDER_FINALIZER) === true &&
    metadata.annotations?.[PROVISIONED_BY] === LOCAL_PATH &&
    spec.persistentVolumeReclaimPolicy !== 'Delete' &&
    status?.phase !== 'Bound'
  );
}

/** The size that a bound claim's volume should get; undefined when it has it. */
export function expansion(claim: PersistentVolumeClaim, volume: PersistentVolume): Quantity | undefined {
  if (claim.status?.phase !== 'Bound' || volume.metadata.annotations?.[PROVISIONED_BY] !== LOCAL_PATH) return undefined;
  if (volume.spec.claimRef?.uid !== claim.metadata.uid) return undefined;
  const wanted = requestedStorage(claim);
  const shown = claim.status.capacity?.['storage'];
  const reached = storageCapacity(volume).compare(wanted) >= 0;
  const told = shown !== undefined && Quantity.parse(shown).compare(wanted) >= 0;
  return reached && told ? undefined : wanted;
}
