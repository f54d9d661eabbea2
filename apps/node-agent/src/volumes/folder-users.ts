// biome-ignore lint/style/noRestrictedImports: both places are the agent's own; what is mounted there is compared.
import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodPaths } from '../pod/pod-paths.js';
import { LOCAL_VOLUME } from './persistent-volume.js';

/** The uid of a pod on this node that has the folder mounted as a volume of a claim. */
export async function userOfFolder(paths: PodPaths, path: string): Promise<string | undefined> {
  const folder = await lstat(path).catch(() => undefined);
  if (!folder) return undefined;
  for (const { name: uid } of await paths.files.list(paths.pods)) {
    const places = join(paths.volumes(uid), LOCAL_VOLUME.replace('/', '~'));
    for (const { name } of await paths.files.list(places)) {
      const mounted = await stat(join(places, name)).catch(() => undefined);
      if (mounted?.dev === folder.dev && mounted.ino === folder.ino) return uid;
    }
  }
  return undefined;
}
