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

/** The provisioner's name, as classes give it. Rancher's own is another one: both can run and serve their own classes. */
export const LOCAL_PATH = 'berth.io/local-path';
/** Where a claim says who makes its volume. */
const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
/** Keeps a volume's object until its folder is gone; external provisioners of the reference use the same. */
export const FOLDER_FINALIZER = 'external-provisioner.volume.kubernetes.io/finalizer';
/** The node that has the folder. */
const FOLDER_NODE = `${LOCAL_PATH}-node`;
const HOSTNAME = 'kubernetes.io/hostname';
const MODES: readonly string[] = ['ReadWriteOnce', 'ReadWriteOncePod'];
/** On a claim, and on a class: the type of the volume, as for Rancher's provisioner. */
const VOLUME_TYPE = 'volumeType';
const DEFAULT_VOLUME_TYPE = 'defaultVolumeType';
const SOURCES = new Map<string, VolumeSource>([
  ['local', 'local'],
  ['hostpath', 'hostPath'],
]);
const PATH_PATTERN = 'pathPattern';
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
  return { do: 'provision', node, folder: folderName(volumeName(claim), claim.metadata), source };
}

/** The folder that may have been made for a claim that went before it had a volume. */
export function abandonedFolder({
  metadata,
  spec,
}: PersistentVolumeClaim): { node: string; folder: string } | undefined {
  const node = metadata.annotations?.[SELECTED_NODE];
  if (metadata.annotations?.[STORAGE_PROVISIONER] !== LOCAL_PATH || spec.volumeName || node === undefined)
    return undefined;
  return { node, folder: folderName(`pvc-${metadata.uid}`, metadata) };
}

function unsupported({ spec }: PersistentVolumeClaim, storageClass: StorageClass): string | undefined {
  if (storageClass.parameters?.[PATH_PATTERN])
    return 'parameter pathPattern is not supported: folders have the names of their volumes';
  if (spec.selector) return 'claim.Spec.Selector is not supported';
  if (spec.volumeMode === 'Block') return 'volume mode Block is not supported';
  if (spec.dataSource || spec.dataSourceRef) return 'data sources are not supported';
  if (storageClass.mountOptions?.length) return 'mount options are not supported';
  if (spec.accessModes?.every((mode) => MODES.includes(mode))) return undefined;
  return 'only the access modes ReadWriteOnce and ReadWriteOncePod are supported';
}

function volumeName({ metadata }: PersistentVolumeClaim): string {
  return `pvc-${metadata.uid}`;
}

function folderName(volume: string, { namespace, name }: { namespace?: string; name?: string }): string {
  return `${volume}_${namespace}_${name}`.slice(0, NAME_MAX);
}

/** The volume of a claim, in a folder of the node. */
export function localPathVolume(
  claim: PersistentVolumeClaim,
  { reclaimPolicy }: StorageClass,
  { metadata: node }: Node,
  path: string,
  source: VolumeSource,
): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName(claim),
      annotations: { [PROVISIONED_BY]: LOCAL_PATH, [FOLDER_NODE]: node.name! },
      finalizers: [FOLDER_FINALIZER],
    },
    spec: {
      accessModes: claim.spec.accessModes,
      capacity: { storage: requestedStorage(claim).toString() },
      claimRef: referenceTo(claim),
      persistentVolumeReclaimPolicy: reclaimPolicy ?? 'Delete',
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
export function folderToDelete(volume: PersistentVolume): { node: string; folder: string; root: string } | undefined {
  const { metadata, spec, status } = volume;
  if (metadata.annotations?.[PROVISIONED_BY] !== LOCAL_PATH || !spec.claimRef) return undefined;
  if (spec.persistentVolumeReclaimPolicy !== 'Delete') return undefined;
  if (status?.phase !== 'Released' && status?.phase !== 'Failed') return undefined;
  const node = metadata.annotations[FOLDER_NODE];
  // Not the claim's name now: a volume that was kept may have had another claim when its folder was made.
  const path = (spec.local ?? spec.hostPath)?.path ?? '';
  const end = path.lastIndexOf('/');
  const [root, folder] = [path.slice(0, end), path.slice(end + 1)];
  return node === undefined || !folder.startsWith(`${metadata.name}_`) ? undefined : { node, folder, root };
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
