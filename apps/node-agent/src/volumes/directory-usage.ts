import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What a folder takes on its disk, with all that is in it; files with many names count once. What goes meanwhile counts nothing. */
export async function directoryUsage(path: string): Promise<{ bytes: number; inodes: number }> {
  const usage = { bytes: 0, inodes: 0 };
  const linked = new Set<number>();
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const entry = await lstat(next).catch(() => undefined);
    if (!entry || linked.has(entry.ino)) continue;
    if (entry.nlink > 1 && !entry.isDirectory()) linked.add(entry.ino);
    usage.bytes += entry.blocks * 512;
    usage.inodes += 1;
    if (!entry.isDirectory()) continue;
    for (const name of await readdir(next).catch(() => [])) pending.push(join(next, name));
  }
  return usage;
}
