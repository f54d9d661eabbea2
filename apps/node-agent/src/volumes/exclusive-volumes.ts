import { join } from 'node:path';
import type { PersistentVolume } from '#kinds';
import type { PodPaths } from '../pod/pod-paths.js';
import { VolumeError } from './volume-plugin.js';

/** In it a folder for each volume of the pod, and in that one the name of the persistent volume. */
const MARKS = 'berth.io~exclusive';

/** One at a time, so that of two pods which come together one gets the volume. */
let turn: Promise<unknown> = Promise.resolve();

/** As kubelet decides: with several modes nobody knows which one the pod means. */
export function isExclusive({ spec: { accessModes } }: PersistentVolume): boolean {
  return accessModes?.length === 1 && accessModes[0] === 'ReadWriteOncePod';
}

/**
 * Mounts a volume for the pod alone. The disk remembers it, so another agent knows it as well. Throws VolumeError while
 * another pod on this node has the volume.
 */
export async function mountExclusively(
  paths: PodPaths,
  { uid, volume, persistent }: { uid: string; volume: string; persistent: string },
  mount: () => Promise<string>,
): Promise<string> {
  const mark = join(marks(paths, uid), volume, persistent);
  // Who mounted it before has it still, in containers that run.
  const had = await paths.files.exists(mark);
  const taken = turn.then(async () => {
    if (await isTaken(paths, uid, persistent)) {
      throw new VolumeError('volume uses the ReadWriteOncePod access mode and is already in use by another pod');
    }
    await paths.files.makeFolder(mark, 0o750);
  });
  turn = taken.catch(() => {});
  await taken;
  try {
    return await mount();
  } catch (error) {
    if (!had) await paths.files.remove(mark);
    throw error;
  }
}

async function isTaken(paths: PodPaths, uid: string, persistent: string): Promise<boolean> {
  const { files } = paths;
  for (const { name: other } of await files.list(paths.pods)) {
    if (other === uid) continue;
    for (const volume of await exclusiveVolumes(paths, other)) {
      if (await files.exists(join(marks(paths, other), volume, persistent))) return true;
    }
  }
  return false;
}

/** Names of the pod's volumes that it has for itself. */
export async function exclusiveVolumes(paths: PodPaths, uid: string): Promise<string[]> {
  return (await paths.files.list(marks(paths, uid))).map(({ name }) => name);
}

/** Others may have the volume now. */
export async function releaseVolume(paths: PodPaths, uid: string, volume: string): Promise<void> {
  await paths.files.remove(join(marks(paths, uid), volume));
}

function marks(paths: PodPaths, uid: string): string {
  return join(paths.plugins(uid), MARKS);
}
