// biome-ignore lint/style/noRestrictedImports: the paths are of the node; what is at each of them is compared.
import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../pod/pod.js';
import type { PodMemory } from '../pod/pod-memory.js';
import type { PodPaths } from '../pod/pod-paths.js';
import { realFolder } from './folder-turns.js';
import { LOCAL_VOLUME } from './persistent-volume.js';
import { isBelow } from './volume-places.js';

/** A folder of the node that a pod has as a volume in its place: the agent mounts nothing then. */
export interface FolderUse {
  uid: string;
  path: string;
  /** It is a claim's, with all that is in it. Who names a folder in the pod itself has not all volumes that are below it. */
  claimed: boolean;
}

/** What pods of this node use, or will use as soon as they can. */
export function* folderUses(
  states: Iterable<{ pod: Pod; memory: Pick<PodMemory, 'cleaned' | 'volumes'> }>,
): Iterable<FolderUse> {
  for (const { pod, memory } of states) {
    const { uid } = pod.metadata;
    for (const { name, hostPath, persistentVolumeClaim, ephemeral } of pod.spec.volumes ?? []) {
      if (hostPath && memory.cleaned === 'no') yield { uid, path: hostPath.path, claimed: false };
      const state = memory.volumes.get(name);
      const claimed = persistentVolumeClaim !== undefined || ephemeral !== undefined;
      if (claimed && state?.phase === 'mounted') yield { uid, path: state.path, claimed };
    }
  }
}

/** The uid of a pod on this node that has the folder as a volume: mounted, or in its place. */
export async function userOfFolder(
  paths: PodPaths,
  path: string,
  uses: Iterable<FolderUse>,
): Promise<string | undefined> {
  const folder = await lstat(path).catch(() => undefined);
  if (!folder) return undefined;
  for (const { name: uid } of await paths.files.list(paths.pods)) {
    const places = join(paths.volumes(uid), LOCAL_VOLUME.replace('/', '~'));
    for (const { name } of await paths.files.list(places)) {
      const mounted = await stat(join(places, name)).catch(() => undefined);
      if (mounted?.dev === folder.dev && mounted.ino === folder.ino) return uid;
    }
  }
  const real = await realFolder(path);
  for (const { uid, path: used, claimed } of uses) {
    const other = await realFolder(used);
    if (isBelow(other, real) || (claimed && isBelow(real, other))) return uid;
  }
  return undefined;
}
