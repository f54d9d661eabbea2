// biome-ignore lint/style/noRestrictedImports: the path is of the node; a link on it is found and refused.
import { realpath } from 'node:fs/promises';
import { normalize } from 'node:path/posix';
import { FileTree } from '#files';
import type { PodPaths } from '../pod/pod-paths.js';
import { emptyInTurn, realFolder } from './folder-turns.js';
import { type FolderUse, userOfFolder } from './folder-users.js';
import { isBelow, isNoVolume } from './volume-places.js';

export class ScrubError extends Error {
  constructor(
    readonly problem: 'path' | 'inUse',
    message: string,
  ) {
    super(message);
  }
}

/** Empties the folders of volumes with the reclaim policy Recycle. */
export class VolumeScrubber {
  /** By path: whoever asks again waits for the work that goes on. */
  private readonly running = new Map<string, Promise<void>>();

  constructor(
    private readonly dataDir: string,
    private readonly paths: PodPaths,
    private readonly uses: () => Iterable<FolderUse>,
  ) {}

  /**
   * Deletes all that is in the folder, which stays; a missing one is fine. No link is followed, on the path neither, and a
   * mount below the folder stops it before anything is deleted. Throws ScrubError for a folder that is no volume's, and
   * while a pod on this node has it.
   */
  scrub(path: string): Promise<void> {
    const before = this.running.get(path);
    if (before) return before;
    const work = this.work(path).finally(() => this.running.delete(path));
    this.running.set(path, work);
    return work;
  }

  private async work(given: string): Promise<void> {
    const path = given.length > 1 ? normalize(given).replace(/\/$/, '') : given;
    const refuse = (why: string): never => {
      throw new ScrubError('path', `${JSON.stringify(given)} ${why}`);
    };
    const why = isNoVolume(given, this.dataDir);
    if (why !== undefined) refuse(why);
    const real = await realpath(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (real === undefined) return;
    if (real !== path) refuse(`is behind a link: its files are in ${JSON.stringify(real)}`);
    if (await this.isOwn(path)) refuse('belongs to the node agent');
    const inUse = (how: string) => new ScrubError('inUse', `${JSON.stringify(given)} is ${how}`);
    const empty = async () => {
      const user = await userOfFolder(this.paths, path, this.uses());
      if (user !== undefined) throw inUse(`mounted in pod ${user}`);
      await new FileTree('/').empty(path);
    };
    await emptyInTurn(path, empty, () => inUse('being mounted'));
  }

  /** Whether the agent's files are there, or below it. The names of its folders may be links. */
  private async isOwn(path: string): Promise<boolean> {
    const dataDir = await realFolder(this.dataDir);
    if (isNoVolume(path, dataDir) !== undefined) return true;
    const others = await Promise.all([this.paths.root, this.paths.logs].map(realFolder));
    return others.some((own) => isBelow(own, path) || isBelow(path, own));
  }
}
