import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '#client';
import type { Cgroups } from '../runtime/cgroups.js';
import type { UnmountContext } from '../volumes/volume-plugin.js';
import { unmountAll } from '../volumes/volume-set.js';

const QOS_PARENTS = ['kubepods', 'kubepods/burstable', 'kubepods/besteffort'];

/** Removes what pods left on the node that are neither wanted nor running: folders, mounts, logs, cgroups. */
export async function removeOrphans(
  context: UnmountContext & { cgroups: Cgroups; logger: Logger },
  isKnown: (uid: string) => boolean,
): Promise<void> {
  const { paths, memoryDirectory, cgroups, logger } = context;
  const uids = new Set([...(await names(paths.pods)), ...(await names(memoryDirectory))]);
  for (const uid of uids) {
    if (isKnown(uid)) continue;
    logger.info('removing folders of a pod that is gone', { uid });
    await unmountAll(context, uid);
    await rm(paths.pod(uid), { recursive: true, force: true });
  }
  for (const name of await names(paths.logs)) {
    const uid = name.split('_')[2];
    if (uid && !isKnown(uid)) await rm(join(paths.logs, name), { recursive: true, force: true });
  }
  for (const parent of QOS_PARENTS) {
    for (const child of cgroups.children(parent)) {
      const uid = /^pod(.+)$/.exec(child)?.[1];
      if (uid && !isKnown(uid)) await cgroups.remove(`${parent}/${child}`);
    }
  }
}

async function names(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
