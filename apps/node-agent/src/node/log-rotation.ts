import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Logger } from '#client';
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
      const size = (await stat(container.logPath).catch(() => undefined))?.size ?? 0;
      if (size <= maxBytes) continue;
      try {
        await rotate(runtime, container.id, container.logPath);
      } catch (error) {
        logger.warn('log not rotated', { path: container.logPath, error });
      }
    }
  }
}

async function rotate(runtime: Pick<CriRuntime, 'reopenContainerLog'>, id: string, path: string): Promise<void> {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  const rotated = (await readdir(directory)).filter((name) => name.startsWith(prefix)).sort();
  for (const name of rotated.filter((candidate) => candidate.endsWith('.tmp'))) await rm(join(directory, name));
  const parts = rotated.filter((name) => !name.endsWith('.tmp'));
  // The log itself and the one that this rotation makes count as files.
  for (const name of parts.splice(0, Math.max(parts.length - (MAX_FILES - 2), 0))) await rm(join(directory, name));
  for (const name of parts) if (!name.endsWith('.gz')) await pack(join(directory, name));
  const stamp = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const target = `${path}.${stamp}`;
  await rename(path, target);
  try {
    await runtime.reopenContainerLog(id);
  } catch (error) {
    // Without a new file the runtime would write into the renamed one unseen.
    await rename(target, path);
    throw error;
  }
}

async function pack(path: string): Promise<void> {
  await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.tmp`));
  await rename(`${path}.tmp`, `${path}.gz`);
  await rm(path);
}
