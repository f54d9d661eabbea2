import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { type Payload, VolumeError } from './volume-plugin.js';

const DATA_LINK = '..data';
const NEW_DATA_LINK = '..data_tmp';
const MAX_PATH = 4096;

/**
 * Puts a set of files into a folder so that a reader sees all of the old or all of the new: real files in a folder with
 * a time in its name, `..data` a link to it that is swapped by a rename, and beside it one link for each top-level name.
 * True when something changed.
 */
export async function writeAtomically(directory: string, payload: Payload, fsGroup?: number): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  const current = await readlink(join(directory, DATA_LINK)).catch(() => undefined);
  if (current !== undefined && (await isSame(join(directory, current), payload))) {
    await linkNames(directory, payload);
    return false;
  }
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const stamp = new Date().toISOString().replace(/[-:T]/g, '_').replace(/Z$/, '');
  const fresh = await mkdtemp(join(directory, `..${stamp}.`));
  await own(fresh, 0o755, undefined, fsGroup, true);
  for (const [path, file] of payload) {
    const target = join(fresh, path);
    await makeParents(fresh, dirname(path), fsGroup);
    await writeFile(target, file.data);
    await own(target, file.mode, file.uid, fsGroup, false);
  }
  const link = join(directory, NEW_DATA_LINK);
  await rm(link, { force: true });
  await symlink(fresh.slice(directory.length + 1), link);
  await rename(link, join(directory, DATA_LINK));
  await linkNames(directory, payload);
  if (current !== undefined) await rm(join(directory, current), { recursive: true, force: true });
  return true;
}

function checkPath(path: string): void {
  if (!path || path.length > MAX_PATH) throw new VolumeError(`invalid path: ${JSON.stringify(path)}`);
  const clean = normalize(path);
  if (path.startsWith('/') || clean.split('/').includes('..') || clean.startsWith('..')) {
    throw new VolumeError(`invalid path, must be relative and stay in the volume: ${path}`);
  }
}

async function isSame(directory: string, payload: Payload): Promise<boolean> {
  const found = new Set<string>();
  const walk = async (folder: string, prefix: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = prefix ? `${prefix}/${entry.name}` : entry.name;
      if (entry.isDirectory()) await walk(join(folder, entry.name), path);
      else found.add(path);
    }
  };
  try {
    await walk(directory, '');
    if (found.size !== payload.size) return false;
    for (const [path, file] of payload) {
      if (!found.has(normalize(path))) return false;
      if (!file.data.equals(await readFile(join(directory, path)))) return false;
    }
    return true;
  } catch {
    return false;
  }
}

async function makeParents(root: string, path: string, fsGroup: number | undefined): Promise<void> {
  if (path === '.') return;
  let folder = root;
  for (const part of path.split('/')) {
    folder = join(folder, part);
    if (await lstat(folder).catch(() => undefined)) continue;
    await mkdir(folder);
    await own(folder, 0o755, undefined, fsGroup, true);
  }
}

/** With a group, its members may read, and what is made in folders keeps the group. */
async function own(
  path: string,
  mode: number,
  uid: number | undefined,
  fsGroup: number | undefined,
  folder: boolean,
): Promise<void> {
  if (fsGroup !== undefined || uid !== undefined) await chown(path, uid ?? 0, fsGroup ?? 0);
  const grouped = fsGroup === undefined ? mode : mode | (folder ? 0o2550 : 0o440);
  await chmod(path, grouped);
}

async function linkNames(directory: string, payload: Payload): Promise<void> {
  const names = new Set([...payload.keys()].map((path) => normalize(path).split('/')[0]!));
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith('..') && !names.has(entry))
      await rm(join(directory, entry), { recursive: true, force: true });
  }
  for (const name of names) {
    const place = join(directory, name);
    if (await lstat(place).catch(() => undefined)) continue;
    await symlink(join(DATA_LINK, name), place);
  }
}
