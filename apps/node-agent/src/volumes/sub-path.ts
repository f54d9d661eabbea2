import { constants } from 'node:fs';
import { mkdir, open, readlink, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Mounter, VolumeError } from './volume-plugin.js';

/** Not in Node's constants: open without following anything, for the name only. */
const O_PATH = 0o10000000;

/**
 * Binds a part of a volume to a place of its own, so that a container that swaps a link afterwards gains nothing. A
 * missing subPath becomes a folder. Gives the bound path.
 */
export async function bindSubPath(mounter: Mounter, volume: string, subPath: string, target: string): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new VolumeError(`subPath "${subPath}" must be relative and must not contain '..'`);
  }
  const root = await realpath(volume);
  await makeInside(root, subPath);
  const resolved = await realpath(join(root, subPath));
  const handle = await open(resolved, O_PATH | constants.O_NOFOLLOW);
  try {
    // What was opened, not what its name says by now.
    const actual = await readlink(`/proc/self/fd/${handle.fd}`);
    if (!isInside(root, actual)) throw new VolumeError(`subPath "${subPath}" is outside of the volume`);
    if (mounter.isMounted(target)) await mounter.unmount(target);
    const stats = await stat(`/proc/self/fd/${handle.fd}`);
    await mkdir(dirname(target), { recursive: true });
    if (stats.isDirectory()) await mkdir(target, { recursive: true });
    else await writeFile(target, '', { flag: 'a' });
    await mounter.bindDescriptor(handle.fd, target);
    return target;
  } finally {
    await handle.close();
  }
}

/** Makes the missing folders, each only below a parent that is still in the volume. */
async function makeInside(root: string, subPath: string): Promise<void> {
  let current = root;
  for (const part of subPath.split('/').filter(Boolean)) {
    const next = join(current, part);
    const existing = await realpath(next).catch(() => undefined);
    if (existing === undefined) await mkdir(next, { mode: 0o750 });
    current = existing ?? next;
    if (!isInside(root, current)) throw new VolumeError(`subPath "${subPath}" is outside of the volume`);
  }
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}
