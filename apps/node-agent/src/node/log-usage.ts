import { dirname } from 'node:path';
import { FileTree } from '#files';

/** What the log of a container takes with its rotated files. */
export async function logUsage(logPath: string | undefined): Promise<{ usedBytes: number; inodesUsed: number }> {
  if (!logPath) return { usedBytes: 0, inodesUsed: 0 };
  const folder = new FileTree(dirname(logPath));
  const entries = await folder.list(folder.root).catch(() => []);
  return { usedBytes: entries.reduce((sum, { disk }) => sum + disk, 0), inodesUsed: entries.length };
}
