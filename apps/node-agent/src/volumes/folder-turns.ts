// biome-ignore lint/style/noRestrictedImports: the paths are of the node, and compared without their links.
import { realpath } from 'node:fs/promises';
import { normalize } from 'node:path/posix';
import { isBelow } from './volume-places.js';
import { VolumeError } from './volume-plugin.js';

/** Folders of this node that are being emptied, and those that are being mounted. */
const emptied = new Set<string>();
const mounting = new Set<{ path: string }>();

/** Mounts a folder unless it is being emptied: the work may outlast the request for it, and the volume may have a claim again. */
export async function mountInTurn<T>(path: string, mount: () => Promise<T>): Promise<T> {
  const turn = { path: await realFolder(path) };
  if ([...emptied].some((folder) => overlap(folder, turn.path))) {
    throw new VolumeError(`the files of an earlier claim are still being deleted in ${JSON.stringify(path)}`);
  }
  mounting.add(turn);
  try {
    return await mount();
  } finally {
    mounting.delete(turn);
  }
}

/** Empties a folder, which is given without links, unless it is being mounted: then `refused` says so. */
export async function emptyInTurn(path: string, empty: () => Promise<void>, refused: () => Error): Promise<void> {
  if ([...mounting].some((turn) => overlap(turn.path, path))) throw refused();
  emptied.add(path);
  try {
    await empty();
  } finally {
    emptied.delete(path);
  }
}

function overlap(one: string, other: string): boolean {
  return isBelow(one, other) || isBelow(other, one);
}

/** Without links, as far as it is there. */
export async function realFolder(path: string): Promise<string> {
  return realpath(path).catch(() => normalize(`${path}/`).slice(0, -1) || '/');
}
