import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Logger } from '#client';
import type { PodPaths } from '../pod/pod-paths.js';
import type { Mounter, MountSpec } from './volume-plugin.js';

const run = promisify(execFile);

/** Through util-linux' program, which knows all options that a runtime may name; these are rare. */
export const systemMounter: Mounter = {
  async mount(spec, target) {
    const { source, options, directory } = shortened(spec);
    await run('mount', ['-t', spec.type, '-o', options.join(','), source, target], { cwd: directory }).catch(rethrow);
  },
};

/**
 * The kernel takes a page of options; an image's many layers, each with its whole path, are more. They are named from
 * the folder that they share.
 */
export function shortened({ source, options }: MountSpec): { source: string; options: string[]; directory: string } {
  const lower = options.find((option) => option.startsWith(LOWER));
  const layers = lower?.slice(LOWER.length).split(':') ?? [];
  if (layers.length < 2) return { source, options, directory: '/' };
  const folders = layers.map((layer) => layer.split('/').slice(0, -1));
  const depth = folders[0]!.findIndex((part, index) => folders.some((folder) => folder[index] !== part));
  const shared = depth === -1 ? folders[0]! : folders[0]!.slice(0, depth);
  const directory = shared.join('/') || '/';
  const names = layers.map((layer) => layer.slice(shared.length > 1 ? directory.length + 1 : 1));
  return {
    source,
    options: options.map((option) => (option === lower ? `${LOWER}${names.join(':')}` : option)),
    directory,
  };
}

const LOWER = 'lowerdir=';

function rethrow(error: Error & { stderr?: string }): never {
  throw new Error(error.stderr?.trim() || error.message);
}

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
