import { loadNative } from '#host';
import { RegularFile } from './regular-file.js';

export interface FolderEntry {
  name: string;
  isFolder: boolean;
  /** Bytes of content. */
  size: number;
  /** Bytes on disk. */
  disk: number;
}

export interface PayloadFile {
  data: Buffer;
  mode: number;
  /** Root when absent. */
  uid?: number;
}

/** Files of a volume by relative path. */
export type Payload = ReadonlyMap<string, PayloadFile>;

type NativeFiles = typeof import('#native/files');

/** One mount(2) call as a runtime describes it. */
export interface MountSpec {
  /** A file system, or `bind`. */
  type: string;
  source: string;
  /** By their names in fstab(5); what is no flag is for the file system. */
  options: readonly string[];
}

let native: NativeFiles | undefined;
const load = (): NativeFiles => (native ??= loadNative<NativeFiles>('files'));

/**
 * Files below a folder that somebody hostile may change at the same time, such as a container in its volumes. `root` is
 * the administrator's, with what links it has; below it no link is followed, nothing but regular files is opened, and no
 * tree is walked over to another mount. Paths are absolute, below `root`. The work is done on threads of its own. Errors
 * name the path; that of a missing file begins with `ENOENT`.
 */
export class FileTree {
  constructor(readonly root: string) {}

  private below(path: string): string {
    if (path === this.root) return '';
    const prefix = this.root.endsWith('/') ? this.root : `${this.root}/`;
    if (!path.startsWith(prefix)) throw new Error(`${path} is not below ${this.root}`);
    return path.slice(prefix.length);
  }

  /** With its parents, which get the mode too; the process's umask counts. */
  async makeFolder(path: string, mode: number): Promise<void> {
    await load().makeFolder(this.root, this.below(path), mode, false);
  }

  /** As `makeFolder`; the last folder has exactly that mode afterwards, also when it was there. */
  async makeFolderExactly(path: string, mode: number): Promise<void> {
    await load().makeFolder(this.root, this.below(path), mode, true);
  }

  /** Nothing for a missing folder; names that are no text are left out. */
  async list(path: string): Promise<FolderEntry[]> {
    return load().list(this.root, this.below(path));
  }

  /** Of a regular file; undefined when it is missing. */
  async stat(path: string): Promise<{ size: number; inode: bigint } | undefined> {
    return (await load().stat(this.root, this.below(path))) ?? undefined;
  }

  /** Whatever it is, a link too. */
  async exists(path: string): Promise<boolean> {
    return load().exists(this.root, this.below(path));
  }

  /** The last bytes of a regular file, at most `limit`. */
  async readEnd(path: string, limit: number): Promise<Buffer> {
    return load().readEnd(this.root, this.below(path), limit);
  }

  async open(path: string): Promise<RegularFile> {
    return new RegularFile(await load().openFile(this.root, this.below(path)));
  }

  /** For writing; fails when anything has the name already. */
  async create(path: string, mode: number): Promise<RegularFile> {
    return new RegularFile(await load().createFile(this.root, this.below(path), mode));
  }

  /** Writes a whole file in its place, so that who has it mounted sees it; makes it when it is missing. */
  async write(path: string, data: string | Buffer, mode: number): Promise<void> {
    await load().writeFile(this.root, this.below(path), Buffer.from(data), mode);
  }

  /** Within the tree, on one file system. */
  async rename(from: string, to: string): Promise<void> {
    await load().rename(this.root, this.below(from), this.below(to));
  }

  /**
   * Puts files into a folder so that a reader sees all of the old or all of the new, as kubelet does (`..data`). With a
   * group, its members may read. True when something changed.
   */
  async writePayload(path: string, payload: Payload, group?: number): Promise<boolean> {
    const files = [...payload].map(([name, { data, mode, uid }]) => ({ path: name, data, mode, owner: uid }));
    return load().writePayload(this.root, this.below(path), files, group);
  }

  /** What a folder takes on its disk, with all that is in it; files with many names count once. Zeros when it is missing. */
  async usage(path: string): Promise<{ bytes: number; inodes: number }> {
    return load().usage(this.root, this.below(path));
  }

  /** Gives a tree to a group: members read and write, and new files keep the group. */
  async setGroup(path: string, group: number, policy: 'OnRootMismatch' | 'Always' = 'Always'): Promise<void> {
    await load().setGroup(this.root, this.below(path), group, policy === 'OnRootMismatch');
  }

  /**
   * Lets a folder hold that many bytes and no more, by a project quota of its file system: one of the projects that `seed`
   * stands for, a whole number below 2 ** 32. False where that cannot be: the file system enforces none, the folder is in
   * another project, or it had files before.
   */
  async limit(path: string, bytes: number, seed: number): Promise<boolean> {
    return load().setLimit(this.root, this.below(path), bytes, seed);
  }

  /** Takes off what `limit` gave a folder; without a limit, or without a folder, nothing happens. */
  async clearLimit(path: string, seed: number): Promise<void> {
    await load().clearLimit(this.root, this.below(path), seed);
  }

  /** A file, a link or a whole tree; missing is fine. Fails when something is mounted there or below, and removes nothing then. */
  async remove(path: string): Promise<void> {
    await load().remove(this.root, this.below(path));
  }

  /** True when an empty folder was there, which is gone now. Whatever else is there stays. */
  async removeEmpty(path: string): Promise<boolean> {
    return load().removeEmpty(this.root, this.below(path));
  }

  /** All that is below the root, as `remove` does. */
  async removeContents(): Promise<void> {
    await load().removeContents(this.root);
  }

  /** All that is in a folder below the root, as `remove` does. The folder stays; a missing one is fine. */
  async empty(path: string): Promise<void> {
    const below = this.below(path);
    if (below === '') throw new Error(`${path} is not below ${this.root}`);
    await load().emptyFolder(this.root, below);
  }

  /**
   * Binds a part of a volume to a place of its own, whatever links a container swaps meanwhile. Links in the volume lead
   * no further than the volume; a missing part becomes a folder. What was mounted at the place goes.
   */
  async bindSubPath(volume: string, subPath: string, place: string): Promise<void> {
    await load().bindSubPath(volume, subPath, this.root, this.below(place));
  }

  /** A tmpfs on a folder that is there. */
  async mountTmpfs(path: string, options: readonly string[]): Promise<void> {
    await load().mountTmpfs(this.root, this.below(path), options.join(','));
  }

  /** One mount(2) call, on a folder that is there (for a bind mount a file, too). A bind mount gets its flags as well. */
  async mount(path: string, { type, source, options }: MountSpec): Promise<void> {
    await load().mount(this.root, this.below(path), type, source, [...options]);
  }

  /** Nobody can write to what is mounted there any more, by this mount. Fails when nothing is mounted there. */
  async makeReadOnly(path: string): Promise<void> {
    await load().makeReadOnly(this.root, this.below(path));
  }

  /** All that is mounted at that very place; nothing is fine. Never lazily: fails, and names the place, when it is in use. */
  async unmount(path: string): Promise<void> {
    await load().unmount(this.root, this.below(path));
  }

  /** Places below the folder where something is mounted, by their names behind all links. */
  async mountsBelow(path: string): Promise<string[]> {
    return load().mountsBelow(this.root, this.below(path));
  }

  async isMounted(path: string): Promise<boolean> {
    return load().isMounted(this.root, this.below(path));
  }

  /** Whatever is mounted below the folder, whoever did it; never lazily. Fails when something stays. */
  async unmountBelow(path: string): Promise<void> {
    await load().unmountBelow(this.root, this.below(path));
  }
}
