import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What the log of a container takes with its rotated files. */
export async function logUsage(logPath: string | undefined): Promise<{ usedBytes: number; inodesUsed: number }> {
  if (!logPath) return { usedBytes: 0, inodesUsed: 0 };
  const directory = dirname(logPath);
  const names = await readdir(directory).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(directory, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    ),
  );
  return { usedBytes: sizes.reduce((sum, size) => sum + size, 0), inodesUsed: names.length };
}
