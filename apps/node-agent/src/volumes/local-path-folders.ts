import { createHash } from 'node:crypto';
// biome-ignore lint/style/noRestrictedImports: the folder of all volumes is the administrator's, with what links it has.
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileTree } from '#files';
import type { PodPaths } from '../pod/pod-paths.js';
import { type FolderUse, userOfFolder } from './folder-users.js';
import { localPathRoot, unfitForVolumes } from './volume-places.js';

/** As the provisioner names them; nothing else in the folder is ours. */
const FOLDER = /^pvc-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_[a-z0-9][-a-z0-9._]*$/;
/** As a pattern of a class names them: a namespace, a claim, and what the class adds. */
const PATTERNED = /^[a-z0-9][-a-z0-9]{0,62}(?:\/[A-Za-z0-9_][-A-Za-z0-9._]{0,252}){1,8}$/;
const UNFINISHED = '.new-';
const NAME_MAX = 255;

export class FolderError extends Error {
  constructor(
    readonly problem: 'name' | 'inUse',
    message: string,
  ) {
    super(message);
  }
}

/** A folder as it is: where, and whether the file system holds it to its size. */
export interface VolumeFolder {
  path: string;
  limited: boolean;
}

/** The folders of local-path volumes on this node. `root`: the folder that they are in, if it is not the agent's own. */
export class LocalPathFolders {
  /** By path: whoever asks again waits for the removal that goes on. */
  private readonly removals = new Map<string, Promise<void>>();
  /** Unfinished folders that are being made. */
  private readonly making = new Set<string>();

  constructor(
    private readonly dataDir: string,
    private readonly paths: PodPaths,
    private readonly uses: () => Iterable<FolderUse> = () => [],
  ) {}

  /**
   * Makes the folder, open to every user of a pod that has it, or finds it as it is. It holds no more than these bytes where
   * the file system has project quotas.
   */
  async create(folder: string, root = localPathRoot(this.dataDir), bytes?: number): Promise<VolumeFolder> {
    const path = this.path(root, folder);
    // Others on the node have no business in it: pods reach their folder by a mount.
    if (root === localPathRoot(this.dataDir)) await new FileTree(this.dataDir).makeFolder(root, 0o700);
    else await mkdir(root, { recursive: true, mode: 0o711 });
    const files = new FileTree(root);
    if (!(await files.exists(path))) await this.make(files, folder);
    const limited = bytes !== undefined && (await files.limit(path, bytes, seedOf(folder)));
    return { path, limited };
  }

  /** It has its name and its mode at once: what pods change of it later is theirs. */
  private async make(files: FileTree, folder: string): Promise<void> {
    const [made, path] = [unfinished(files.root, folder), join(files.root, folder)];
    this.making.add(made);
    try {
      await files.makeFolderExactly(made, 0o777);
      if (folder.includes('/')) await files.makeFolder(dirname(path), 0o711);
      await files.rename(made, path).catch(async (error) => {
        // Somebody else asked for it at the same time.
        if (!(await files.exists(path))) throw error;
      });
    } finally {
      this.making.delete(made);
    }
  }

  /** Gives a folder that is there another limit. False when it cannot be limited. */
  async limit(folder: string, root = localPathRoot(this.dataDir), bytes: number): Promise<boolean> {
    const path = this.path(root, folder);
    return new FileTree(root).limit(path, bytes, seedOf(folder));
  }

  /**
   * Deletes the folder with all that is in it; a missing one is fine. A link is deleted itself, and a mount stops it before
   * anything is deleted. Throws FolderError while a pod on this node has the folder.
   */
  async delete(folder: string, root = localPathRoot(this.dataDir)): Promise<void> {
    const path = this.path(root, folder);
    const before = this.removals.get(path);
    if (before) return before;
    const removal = this.remove(root, folder).finally(() => this.removals.delete(path));
    this.removals.set(path, removal);
    return removal;
  }

  /** As `delete`, unless anything is in the folder: then it stays. */
  async deleteEmpty(folder: string, root = localPathRoot(this.dataDir)): Promise<void> {
    const path = this.path(root, folder);
    await this.refuseUsed(path);
    if (await isThere(root)) await this.removeWith(root, folder, (files) => files.removeEmpty(path));
  }

  /** Names of the folders that are there and belong to no pattern. What an earlier agent left unfinished goes. */
  async list(root = localPathRoot(this.dataDir)): Promise<string[]> {
    this.checkRoot(root);
    if (!(await isThere(root))) return [];
    const files = new FileTree(root);
    const names = (await files.list(root)).filter(({ isFolder }) => isFolder).map(({ name }) => name);
    for (const name of names) {
      const path = join(root, name);
      if (name.startsWith(UNFINISHED) && !this.making.has(path)) await files.removeEmpty(path);
    }
    return names.filter((name) => FOLDER.test(name));
  }

  private async remove(root: string, folder: string): Promise<void> {
    const path = join(root, folder);
    await this.refuseUsed(path);
    if (await isThere(root)) await this.removeWith(root, folder, (files) => files.remove(path));
  }

  /**
   * A limit goes first: without its folder nobody would know of it. Folders above it that are of no use go last; one that cannot,
   * as a disk of its own, stays.
   */
  private async removeWith(root: string, folder: string, remove: (files: FileTree) => Promise<unknown>): Promise<void> {
    const files = new FileTree(root);
    const path = join(root, folder);
    await files.clearLimit(path, seedOf(folder));
    await remove(files);
    await files.remove(unfinished(root, folder));
    for (let above = dirname(path); above.length > root.length; above = dirname(above)) {
      const gone = await files.removeEmpty(above).catch(() => false);
      if (!gone) return;
    }
  }

  private async refuseUsed(path: string): Promise<void> {
    const user = await userOfFolder(this.paths, path, this.uses());
    if (user !== undefined) throw new FolderError('inUse', `folder ${basename(path)} is mounted in pod ${user}`);
  }

  private path(root: string, folder: string): string {
    if (!FOLDER.test(folder) && !PATTERNED.test(folder)) refuse(folder, "is no name of a volume's folder");
    this.checkRoot(root);
    return join(root, folder);
  }

  private checkRoot(root: string): void {
    const why = unfitForVolumes(root, this.dataDir);
    if (why !== undefined) refuse(root, why);
  }
}

function refuse(what: string, why: string): never {
  throw new FolderError('name', `${JSON.stringify(what)} ${why}`);
}

/** The folder until it has its mode. An agent that is killed then leaves it: it has the same name at the next try. */
function unfinished(root: string, folder: string): string {
  const [volume = ''] = folder.split('_');
  return join(root, `${UNFINISHED}${volume.replaceAll('/', '_')}`.slice(0, NAME_MAX));
}

/** Where the folder's project is looked for: the same for each agent. */
function seedOf(folder: string): number {
  return createHash('sha256').update(folder).digest().readUInt32BE();
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
