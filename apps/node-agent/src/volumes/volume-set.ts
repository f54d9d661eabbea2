import { join } from 'node:path';
import type { Volume } from '#kinds';
import { ClaimError } from './claimed-volume.js';
import { configMap, secret } from './config-files.js';
import { downwardApi } from './downward-api.js';
import { emptyDir } from './empty-dir.js';
import { exclusiveVolumes, releaseVolume } from './exclusive-volumes.js';
import { hostPath } from './host-path.js';
import { hasMountedImage, IMAGE_FOLDER, image } from './image.js';
import { ephemeral, persistentVolumeClaim } from './persistent-volume.js';
import { projected } from './projected.js';
import {
  StageError,
  type UnmountContext,
  type VolumeContext,
  VolumeError,
  type VolumePlugin,
} from './volume-plugin.js';

const PLUGINS: readonly VolumePlugin[] = [
  emptyDir,
  hostPath,
  configMap,
  secret,
  downwardApi,
  projected,
  image,
  persistentVolumeClaim,
  ephemeral,
];

export class MountFailure extends Error {
  constructor(
    readonly volume: string,
    override readonly cause: Error,
  ) {
    super(failureMessage(volume, cause));
  }
}

/** Kubelet's words: the stage that failed comes first; a claim without a volume has no stage. */
function failureMessage(volume: string, cause: Error): string {
  if (cause instanceof ClaimError) return cause.message;
  const stage = cause instanceof StageError ? cause.stage : 'MountVolume.SetUp failed';
  return `${stage} for volume "${volume}" : ${cause.message}`;
}

/** Throws VolumeError for a source that this node has no plugin for. */
export function pluginOf(volume: Volume): VolumePlugin {
  const plugin = PLUGINS.find(({ type }) => volume[type] !== undefined);
  if (plugin) return plugin;
  const type = Object.keys(volume).find((key) => key !== 'name');
  if (!type) return emptyDir;
  throw new VolumeError(`no volume plugin matched: volumes of type ${type} are not supported by this node`);
}

/** The reference's name of the volume's plugin; '' for one that this node has not. */
export function pluginName(volume: Volume): string {
  return PLUGINS.find(({ type }) => volume[type] !== undefined)?.plugin ?? '';
}

/** Names of the pod's volumes that containers may only read. */
export function readOnlyVolumes(volumes: readonly Volume[] = []): Set<string> {
  const readOnly = (volume: Volume) => pluginOf(volume).readOnly || volume.persistentVolumeClaim?.readOnly;
  return new Set(volumes.filter(readOnly).map(({ name }) => name));
}

/** Makes the volume ready, or brings it up to date; gives its path on the host. Throws MountFailure. */
export async function mountVolume(context: VolumeContext, volume: Volume): Promise<string> {
  try {
    return await pluginOf(volume).mount(context, volume);
  } catch (error) {
    throw new MountFailure(volume.name, error as Error);
  }
}

/** Names of the pod's volumes whose content follows the API. */
export function refreshingVolumes(volumes: readonly Volume[] = []): string[] {
  return volumes.filter((volume) => pluginOf(volume).refreshes).map(({ name }) => name);
}

interface Place {
  name: string;
  plugin: string;
  /** Of all volumes of the pod with that plugin, on the disk or in memory. */
  folder: string;
  path: string;
}

/** Where the pod has volumes, whichever agent made them: the disk says so, the pod may be gone. */
async function placesOf({ paths, memoryDirectory }: UnmountContext, uid: string): Promise<Place[]> {
  const { files } = paths;
  const places: Place[] = [];
  for (const root of [paths.volumes(uid), join(memoryDirectory, uid)]) {
    for (const { name: plugin } of await files.list(root)) {
      const folder = join(root, plugin);
      for (const { name } of await files.list(folder)) places.push({ name, plugin, folder, path: join(folder, name) });
    }
  }
  return places;
}

/** Names of volumes that an earlier agent left of the pod. */
export async function volumesOnDisk(context: UnmountContext, uid: string): Promise<string[]> {
  const places = (await placesOf(context, uid)).map(({ name }) => name);
  return [...new Set([...places, ...(await exclusiveVolumes(context.paths, uid))])];
}

/** Unmounts and removes one volume, and what containers had mounted of it. One that is in use stays: throws. */
export async function unmountVolume(context: UnmountContext, uid: string, name: string): Promise<void> {
  const { paths } = context;
  const { files } = paths;
  const subPaths = join(paths.subPaths(uid), name);
  await files.unmountBelow(subPaths);
  await files.remove(subPaths);
  for (const place of await placesOf(context, uid)) if (place.name === name) await removePlace(context, uid, place);
  await releaseVolume(paths, uid, name);
}

async function removePlace(context: UnmountContext, uid: string, { name, plugin, folder, path }: Place): Promise<void> {
  const { paths, closeImages } = context;
  const { files } = paths;
  // Also unmounts what else of the plugin the pod has, which is to go as well; whether that can does not matter here.
  const unmounted = files.unmountBelow(folder);
  await unmounted.catch(() => {});
  if (await files.isMounted(path)) await unmounted;
  if (plugin === IMAGE_FOLDER && !(await hasMountedImage(paths, uid))) await closeImages(uid);
  await files.remove(path);
  await files.remove(join(paths.plugins(uid), plugin, name));
}

/**
 * Unmounts and removes what lies below the pod's folders, whichever agent made it. One volume that cannot go stops no
 * other; throws the first failure after all were tried.
 */
export async function unmountAll(context: UnmountContext, uid: string): Promise<void> {
  const { paths } = context;
  const { files } = paths;
  const memory = join(context.memoryDirectory, uid);
  const failures: unknown[] = [];
  const attempt = async (work: Promise<void>): Promise<void> => {
    await work.catch((error) => failures.push(error));
  };
  await attempt(files.unmountBelow(paths.subPaths(uid)));
  for (const name of await volumesOnDisk(context, uid)) await attempt(unmountVolume(context, uid, name));
  await attempt(files.unmountBelow(paths.pod(uid)));
  await attempt(files.remove(paths.subPaths(uid)));
  if (failures.length > 0) throw failures[0];
  // Only what is empty by now, and the marks of what is gone.
  for (const folder of [paths.volumes(uid), memory, paths.plugins(uid)]) await files.remove(folder);
}
