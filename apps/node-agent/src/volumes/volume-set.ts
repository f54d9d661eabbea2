import { join } from 'node:path';
import type { Volume } from '#kinds';
import { configMap, secret } from './config-files.js';
import { downwardApi } from './downward-api.js';
import { emptyDir } from './empty-dir.js';
import { hostPath } from './host-path.js';
import { image, imageVolumes } from './image.js';
import { projected } from './projected.js';
import { type UnmountContext, type VolumeContext, VolumeError, type VolumePlugin } from './volume-plugin.js';

const PLUGINS: readonly VolumePlugin[] = [emptyDir, hostPath, configMap, secret, downwardApi, projected, image];

export class MountFailure extends Error {
  constructor(
    readonly volume: string,
    override readonly cause: Error,
  ) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${cause.message}`);
  }
}

/** Throws VolumeError for a source that this node has no plugin for. */
export function pluginOf(volume: Volume): VolumePlugin {
  const plugin = PLUGINS.find(({ type }) => volume[type] !== undefined);
  if (plugin) return plugin;
  const type = Object.keys(volume).find((key) => key !== 'name');
  if (!type) return emptyDir;
  throw new VolumeError(`no volume plugin matched: volumes of type ${type} are not supported by this node`);
}

/** Names of the pod's volumes that containers may only read. */
export function readOnlyVolumes(volumes: readonly Volume[] = []): Set<string> {
  return new Set(volumes.filter((volume) => pluginOf(volume).readOnly).map(({ name }) => name));
}

/** Mounts every volume of the pod; gives their host paths by name. Throws the first MountFailure after all were tried. */
export async function mountAll(context: VolumeContext): Promise<Map<string, string>> {
  const volumes = context.pod.spec.volumes ?? [];
  const results = await Promise.allSettled(volumes.map((volume) => mountOne(context, volume)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return new Map(
    results.map((result, index) => [volumes[index]!.name, (result as PromiseFulfilledResult<string>).value]),
  );
}

/** Brings the volumes up to date whose content follows the API. */
export async function refreshAll(context: VolumeContext): Promise<void> {
  const volumes = (context.pod.spec.volumes ?? []).filter((volume) => pluginOf(volume).refreshes);
  await Promise.all(volumes.map((volume) => mountOne(context, volume)));
}

async function mountOne(context: VolumeContext, volume: Volume): Promise<string> {
  try {
    return await pluginOf(volume).mount(context, volume);
  } catch (error) {
    throw new MountFailure(volume.name, error as Error);
  }
}

/**
 * Unmounts and removes what lies below the pod's folders, whichever agent made it. One volume that cannot go stops no
 * other; throws the first failure after all were tried.
 */
export async function unmountAll(context: UnmountContext, uid: string): Promise<void> {
  const { paths, closeImages } = context;
  const { files } = paths;
  const failures: unknown[] = [];
  const attempt = async (work: Promise<void>): Promise<void> => {
    await work.catch((error) => failures.push(error));
  };
  const memory = join(context.memoryDirectory, uid);
  for (const folder of [paths.pod(uid), memory]) await attempt(files.unmountBelow(folder));
  const images = await imageVolumes(paths, uid);
  const mounted = await Promise.all(images.map((path) => files.isMounted(path)));
  if (images.length > 0 && !mounted.includes(true)) await attempt(closeImages(uid));
  for (const folder of [paths.volumes(uid), memory]) {
    for (const plugin of await files.list(folder)) {
      const ofPlugin = join(folder, plugin.name);
      for (const { name } of await files.list(ofPlugin)) await attempt(files.remove(join(ofPlugin, name)));
    }
  }
  await attempt(files.remove(paths.subPaths(uid)));
  if (failures.length > 0) throw failures[0];
  // Only what is empty by now, and the marks of what is gone.
  for (const folder of [paths.volumes(uid), memory, paths.plugins(uid)]) await files.remove(folder);
}
