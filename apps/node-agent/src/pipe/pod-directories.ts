import { join } from 'node:path';
import type { Logger } from '#client';
import type { PodPaths } from '../pod/pod-paths.js';
import type { PodCgroups } from '../runtime/cgroups.js';
import type { UnmountContext } from '../volumes/volume-plugin.js';
import { unmountAll } from '../volumes/volume-set.js';

const QOS_CLASSES = ['Guaranteed', 'Burstable', 'BestEffort'] as const;

type Context = UnmountContext & { cgroups: PodCgroups };

/**
 * The pods of this data directory, whatever became of them: their folder is made before, and removed after, all else that
 * is theirs. Logs and cgroups that no folder answers for are somebody else's, a second agent's of this machine for one.
 */
export async function podsOf({
  paths,
  memoryDirectory,
}: Pick<Context, 'paths' | 'memoryDirectory'>): Promise<string[]> {
  const entries = [...(await paths.files.list(paths.pods)), ...(await paths.files.list(memoryDirectory))];
  return [...new Set(entries.map(({ name }) => name))];
}

/** Removes what pods left on the node that are neither wanted nor running: folders, mounts, logs, cgroups. */
export async function removeOrphans(
  context: Context & { logger: Logger },
  isKnown: (uid: string) => boolean,
): Promise<void> {
  for (const uid of await podsOf(context)) {
    if (isKnown(uid)) continue;
    context.logger.info('removing what is left of a pod that is gone', { uid });
    await removeRemains(context, uid).catch((error) =>
      context.logger.warn('a pod that is gone cannot be removed', { uid, error }),
    );
  }
}

/** All that the node has of a pod whose containers are gone. */
export async function removeRemains(context: Context, uid: string): Promise<void> {
  const { paths, cgroups } = context;
  await unmountAll(context, uid);
  for (const qos of QOS_CLASSES) await cgroups.remove({ qos, uid });
  for (const path of await logDirectories(paths, uid)) await paths.logFiles.remove(path);
  await paths.files.remove(paths.pod(uid));
}

async function logDirectories({ logs, logFiles }: PodPaths, uid: string): Promise<string[]> {
  const names = (await logFiles.list(logs)).map(({ name }) => name);
  return names.filter((name) => name.endsWith(`_${uid}`)).map((name) => join(logs, name));
}
