// biome-ignore lint/style/noRestrictedImports: the folder of all volumes is the administrator's, with what links it has.
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileTree } from '#files';
import type { PodPaths } from '../pod/pod-paths.js';
import { type FolderUse, userOfFolder } from './folder-users.js';
import { localPathRoot, unfitForVolumes } from './volume-places.js';

/** As the provisioner names them; nothing else in the folder is ours. */
const FOLDER = /^pvc-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_[a-z0-9][-a-z0-9._]*$/;

export class FolderError extends Error {
  constructor(
    readonly problem: 'name' | 'inUse',
    message: string,
  ) {
    super(message);
  }
}

/** The folders of local-path volumes on this node. `root`: the folder that they are in, if it is not the agent's own. */
export class LocalPathFolders {
  /** By path: whoever asks again waits for the removal that goes on. */
  private readonly removals = new Map<string, Promise<void>>();

  constructor(
    private readonly dataDir: string,
    private readonly paths: PodPaths,
    private readonly uses: () => Iterable<FolderUse> = () => [],
  ) {}

  /** Makes the folder, open to every user of a pod that has it, or finds it as it is. Gives its path. */
  async create(folder: string, root = localPathRoot(this.dataDir)): Promise<string> {
    const path = this.path(root, folder);
    // Others on the node have no business in it: pods reach their folder by a mount.
    if (root === localPathRoot(this.dataDir)) await new FileTree(this.dataDir).makeFolder(root, 0o700);
    else await mkdir(root, { recursive: true, mode: 0o711 });
    const files = new FileTree(root);
    if (await files.exists(path)) return path;
    // It has its name and its mode at once: what pods change of it later is theirs.
    const made = unfinished(path);
    await files.makeFolderExactly(made, 0o777);
    await files.rename(made, path).catch(async (error) => {
      // Somebody else asked for it at the same time.
      if (!(await files.exists(path))) throw error;
    });
    return path;
  }

  /**
   * Deletes the folder with all that is in it; a missing one is fine. A link is deleted itself, and a mount stops it before
   * anything is deleted. Throws FolderError while a pod on this node has the folder.
   */
  async delete(folder: string, root = localPathRoot(this.dataDir)): Promise<void> {
    const path = this.path(root, folder);
    const before = this.removals.get(path);
    if (before) return before;
    const removal = this.remove(root, path).finally(() => this.removals.delete(path));
    this.removals.set(path, removal);
    return removal;
  }

  private async remove(root: string, path: string): Promise<void> {
    const user = await userOfFolder(this.paths, path, this.uses());
    if (user !== undefined) throw new FolderError('inUse', `folder ${basename(path)} is mounted in pod ${user}`);
    if (!(await isThere(root))) return;
    const files = new FileTree(root);
    await files.remove(path);
    await files.remove(unfinished(path));
  }

  private path(root: string, folder: string): string {
    const refuse = (what: string, why: string): never => {
      throw new FolderError('name', `${JSON.stringify(what)} ${why}`);
    };
    if (!FOLDER.test(folder)) refuse(folder, "is no name of a volume's folder");
    const why = unfitForVolumes(root, this.dataDir);
    if (why !== undefined) refuse(root, why);
    return join(root, folder);
  }
}

/** The folder until it has its mode. An agent that is killed then leaves it: it has the same name at the next try. */
function unfinished(path: string): string {
  const [volume] = basename(path).split('_');
  return join(dirname(path), `.new-${volume}`);
}

async function isThere(root: string): Promise<boolean> {
  return stat(root).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return false;
    },
  );
}
