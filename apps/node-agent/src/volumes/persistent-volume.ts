// biome-ignore-start lint/style/noRestrictedImports: the path is of the node, and its links count, as in kubelet.
import { stat } from 'node:fs/promises';
// biome-ignore-end lint/style/noRestrictedImports: the path is of the node.
import { ownValue } from '#apimachinery';
import { type PersistentVolume, reachableFrom, type Volume } from '#kinds';
import { blockDevice, mappingDevice } from './block-device.js';
import { claimedVolume } from './claimed-volume.js';
import { isExclusive, mountExclusively } from './exclusive-volumes.js';
import { mountInTurn } from './folder-turns.js';
import { hostPath } from './host-path.js';
import { StageError, type VolumeContext, VolumeError, type VolumePlugin, volumePath } from './volume-plugin.js';

export const LOCAL_VOLUME = 'kubernetes.io/local-volume';
const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options';
/** Keys of a volume's spec that are no source. */
const SETTINGS = new Set(
  [
    'accessModes capacity claimRef mountOptions nodeAffinity persistentVolumeReclaimPolicy storageClassName',
    'volumeAttributesClassName volumeMode',
  ]
    .join(' ')
    .split(' '),
);

/** Volumes of claims: those that a pod names, and those that are made for it. */
export const persistentVolumeClaim = claimPlugin('persistentVolumeClaim');
export const ephemeral = claimPlugin('ephemeral');

function claimPlugin(type: 'persistentVolumeClaim' | 'ephemeral'): VolumePlugin {
  return { type, plugin: LOCAL_VOLUME, mount: mountClaim };
}

async function mountClaim(context: VolumeContext, volume: Volume): Promise<string> {
  const place = volumePath(context, LOCAL_VOLUME, volume.name);
  // What is mounted once stays, also while the API server is away.
  if (await context.paths.files.isMounted(place)) {
    // An agent that ended while it changed the files' group has left the folder itself as it was: that comes last.
    await setGroup(context, volume, place, 'OnRootMismatch');
    return place;
  }
  const found = await claimedVolume(context.claims, context.pod, volume);
  if (!reachableFrom(found, context.claims.node())) {
    const operation = found.spec.volumeMode === 'Block' ? 'MapVolume' : 'MountVolume';
    throw new StageError(`${operation}.NodeAffinity check failed`, 'no matching NodeSelectorTerms');
  }
  const isDevice = found.spec.volumeMode === 'Block';
  const mount = () => (isDevice ? blockDevice(found) : mountFound(context, volume, found, place));
  const names = { uid: context.pod.metadata.uid, volume: volume.name, persistent: found.metadata.name! };
  const mounting = isExclusive(found) ? mountExclusively(context.paths, names, mount) : mount();
  return isDevice ? mappingDevice(mounting) : mounting;
}

async function mountFound(
  context: VolumeContext,
  volume: Volume,
  found: PersistentVolume,
  place: string,
): Promise<string> {
  const { hostPath: source, local } = found.spec;
  if (source) {
    if (mountOptions(found).length > 0) {
      throw new StageError(
        'MountVolume.MountOptionSupport check failed',
        'mount options are not supported for this volume type',
      );
    }
    return mountInTurn(source.path, () => hostPath.mount(context, { name: volume.name, hostPath: source }));
  }
  if (local) return mountInTurn(local.path, () => mountLocal(context, volume, found, local.path, place));
  const type = Object.keys(found.spec).find((key) => !SETTINGS.has(key)) ?? 'unknown';
  throw new VolumeError(`no volume plugin matched: persistent volumes of type ${type} are not supported by this node`);
}

/** Binds the folder, or the file system that is mounted there, into the pod's own folder. */
async function mountLocal(
  context: VolumeContext,
  volume: Volume,
  found: PersistentVolume,
  path: string,
  place: string,
): Promise<string> {
  const { paths, pod, mounter } = context;
  const missing = 'MountVolume.NewMounter initialization failed';
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new StageError(missing, `path ${JSON.stringify(path)} does not exist`);
    throw error;
  });
  if (!stats.isDirectory()) throw new StageError(missing, `path ${JSON.stringify(path)} is not a directory`);
  await paths.files.makeFolder(place, 0o750);
  const options = [...mountOptions(found), ...(isReadOnly(volume) ? ['ro'] : [])];
  await mounter.mount({ type: 'bind', source: path, options: ['bind', ...options] }, place);
  try {
    await setGroup(context, volume, place, pod.spec.securityContext?.fsGroupChangePolicy);
  } catch (error) {
    // Half of it must not be taken for the whole at the next try.
    await paths.files.unmount(place);
    throw error;
  }
  return place;
}

async function setGroup(
  { paths, pod }: VolumeContext,
  volume: Volume,
  place: string,
  policy: 'OnRootMismatch' | 'Always' | undefined,
): Promise<void> {
  const fsGroup = pod.spec.securityContext?.fsGroup;
  if (fsGroup !== undefined && !isReadOnly(volume)) await paths.files.setGroup(place, fsGroup, policy);
}

function isReadOnly({ persistentVolumeClaim }: Volume): boolean {
  return persistentVolumeClaim?.readOnly === true;
}

function mountOptions({ metadata, spec }: PersistentVolume): readonly string[] {
  const older = ownValue(metadata.annotations, MOUNT_OPTIONS);
  return older ? older.split(',') : (spec.mountOptions ?? []);
}
