import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FileTree } from '#files';
import type { PodPaths } from '../pod/pod-paths.js';
import { userOfFolder } from './folder-users.js';

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

/** The folders of local-path volumes on this node. */
export class LocalPathFolders {
  private readonly root: string;
  private readonly files: FileTree;
  /** By folder: whoever asks again waits for the removal that goes on. */
  private readonly removals = new Map<string, Promise<void>>();

  constructor(
    private readonly dataDir: string,
    private readonly paths: PodPaths,
  ) {
    this.root = join(dataDir, 'storage');
    this.files = new FileTree(this.root);
  }

  /** Makes the folder, open to every user of a pod that has it, or finds it as it is. Gives its path. */
  async create(folder: string): Promise<string> {
    const path = this.path(folder);
    // Others on the node have no business in it: pods reach their folder by a mount.
    await new FileTree(this.dataDir).makeFolder(this.root, 0o700);
    if (await this.files.exists(path)) return path;
    // It has its name and its mode at once: what pods change of it later is theirs.
    const made = join(this.root, `.new-${randomBytes(8).toString('hex')}`);
    await this.files.makeFolderExactly(made, 0o777);
    await this.files.rename(made, path);
    return path;
  }

  /**
   * Deletes the folder with all that is in it; a missing one is fine. A link is deleted itself, and a mount stops it before
   * anything is deleted. Throws FolderError while a pod on this node has the folder.
   */
  delete(folder: string): Promise<void> {
    const before = this.removals.get(folder);
    if (before) return before;
    const removal = this.remove(folder).finally(() => this.removals.delete(folder));
    this.removals.set(folder, removal);
    return removal;
  }

  private async remove(folder: string): Promise<void> {
    const path = this.path(folder);
    const user = await userOfFolder(this.paths, path);
    if (user !== undefined) throw new FolderError('inUse', `folder ${folder} is mounted in pod ${user}`);
    if (await new FileTree(this.dataDir).exists(this.root)) await this.files.remove(path);
  }

  private path(folder: string): string {
    if (!FOLDER.test(folder))
      throw new FolderError('name', `${JSON.stringify(folder)} is no name of a volume's folder`);
    return join(this.root, folder);
  }
}
