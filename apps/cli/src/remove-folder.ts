import { existsSync, lstatSync, realpathSync, rmdirSync, unlinkSync } from 'node:fs';
import { FileTree } from '#files';
import { CliError } from './verb.js';

/** Milliseconds. */
const UNMOUNT_PAUSE = 100;
const UNMOUNT_TRIES = 30;

/**
 * Removes a folder of ours, which may be a link or a mount point, with all that is in it on its own file system. What is
 * mounted in it is unmounted first; while something stays mounted nothing is removed.
 */
export async function removeFolder(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const tree = new FileTree(path);
  for (let tries = 1; ; tries++) {
    try {
      await tree.unmountBelow(path);
      break;
    } catch (error) {
      // What has just ended lets go of its mounts a little later.
      if (tries === UNMOUNT_TRIES) throw new CliError(`${(error as Error).message}; nothing was removed from ${path}`);
      await new Promise((resolve) => setTimeout(resolve, UNMOUNT_PAUSE));
    }
  }
  await tree.removeContents();
  const place = realpathSync(path);
  try {
    rmdirSync(place);
  } catch (error) {
    // A disk of the administrator's is mounted there.
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(path);
}
