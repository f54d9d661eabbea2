import { dirname } from 'node:path';
import type { Logger } from '#client';
import { FileTree } from '#files';
import type { PodPaths } from '../pod/pod-paths.js';
import type { Mounter } from './volume-plugin.js';

/** What runtimes describe, in the folder of a pod's volumes, which no container sees. */
export const systemMounter: Mounter = {
  async mount(spec, target) {
    await new FileTree(dirname(target)).mount(target, spec);
  },
};

/** One tmpfs for what must not reach a disk, for all pods. On a machine that forbids mounts it is a plain folder. */
export async function mountMemoryDirectory({ files }: PodPaths, path: string, logger: Logger): Promise<string> {
  await files.makeFolder(path, 0o750);
  if (!(await files.isMounted(path))) {
    try {
      await files.mountTmpfs(path, ['mode=0750']);
    } catch (error) {
      logger.warn('secrets lie on disk: no tmpfs can be mounted', { path, error });
    }
  }
  // Also the one that an earlier version mounted open to everybody.
  await files.makeFolderExactly(path, 0o750);
  return path;
}
