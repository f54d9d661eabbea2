// biome-ignore lint/style/noRestrictedImports: the path is of the node, and its links count, as in kubelet.
import { stat } from 'node:fs/promises';
import type { PersistentVolume } from '#kinds';
import { StageError, VolumeError } from './volume-plugin.js';

const STAGE = 'MapVolume.SetUpDevice failed';

/** Gives the path of the device that is the volume; containers get the device itself, so nothing is mounted. */
export async function blockDevice({ spec: { local, hostPath } }: PersistentVolume): Promise<string> {
  if (!local) {
    if (hostPath) throw new StageError('MapVolume.FindMapperPluginBySpec failed', 'no block volume plugin matched');
    throw new VolumeError('no volume plugin matched');
  }
  const shown = JSON.stringify(local.path);
  const stats = await stat(local.path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new StageError(STAGE, `path ${shown} does not exist`);
    throw error;
  });
  if (!stats.isBlockDevice()) throw new StageError(STAGE, `path ${shown} is not a block device`);
  return local.path;
}

/** What fails before the device is looked at fails at this stage, too. */
export async function mappingDevice(mapping: Promise<string>): Promise<string> {
  return mapping.catch((error) => {
    throw error instanceof StageError ? error : new StageError(STAGE, (error as Error).message);
  });
}
