import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Logger } from '#client';
import { FileTree } from '#files';
import type { ObservedPod } from '../observe/observed-pod.js';
import type { CriRuntime } from '../runtime/cri.js';

/** Kubelet's containerLogMaxSize and containerLogMaxFiles. */
const MAX_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;

/** Renames logs that have grown too long and asks the runtime to begin new ones; older parts are packed. */
export async function rotateLogs(
  runtime: Pick<CriRuntime, 'reopenContainerLog'>,
  pods: Iterable<ObservedPod>,
  logger: Logger,
  maxBytes = MAX_BYTES,
): Promise<void> {
  for (const pod of pods) {
    for (const container of pod.containers) {
      if (container.state !== 'running' || !container.logPath) continue;
      const folder = new FileTree(dirname(container.logPath));
      const size = (await folder.stat(container.logPath).catch(() => undefined))?.size ?? 0;
      if (size <= maxBytes) continue;
      try {
        await rotate(runtime, folder, container.id, container.logPath);
      } catch (error) {
        logger.warn('log not rotated', { path: container.logPath, error });
      }
    }
  }
}

async function rotate(
  runtime: Pick<CriRuntime, 'reopenContainerLog'>,
  folder: FileTree,
  id: string,
  path: string,
): Promise<void> {
  const prefix = `${basename(path)}.`;
  const names = (await folder.list(folder.root)).map(({ name }) => name);
  const rotated = names.filter((name) => name.startsWith(prefix)).sort();
  const remove = (name: string) => folder.remove(join(folder.root, name));
  for (const name of rotated.filter((candidate) => candidate.endsWith('.tmp'))) await remove(name);
  const parts = rotated.filter((name) => !name.endsWith('.tmp'));
  // The log itself and the one that this rotation makes count as files.
  for (const name of parts.splice(0, Math.max(parts.length - (MAX_FILES - 2), 0))) await remove(name);
  for (const name of parts) if (!name.endsWith('.gz')) await pack(folder, join(folder.root, name));
  const stamp = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const target = `${path}.${stamp}`;
  await folder.rename(path, target);
  try {
    await runtime.reopenContainerLog(id);
  } catch (error) {
    // Without a new file the runtime would write into the renamed one unseen.
    await folder.rename(target, path);
    throw error;
  }
}

async function pack(folder: FileTree, path: string): Promise<void> {
  const whole = await folder.open(path);
  const packed = await folder.create(`${path}.tmp`, 0o640).catch(async (error) => {
    await whole.close();
    throw error;
  });
  await pipeline(whole.readable(), createGzip(), packed.writable());
  await folder.rename(`${path}.tmp`, `${path}.gz`);
  await folder.remove(path);
}
