import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Gives a whole tree to the pod's fsGroup: members read and write, and new files keep the group. */
export async function setGroup(
  root: string,
  fsGroup: number | undefined,
  policy: 'OnRootMismatch' | 'Always' = 'Always',
): Promise<void> {
  if (fsGroup === undefined) return;
  if (policy === 'OnRootMismatch') {
    const stat = await lstat(root);
    if (stat.gid === fsGroup && (stat.mode & 0o2770) === 0o2770) return;
  }
  await visit(root, fsGroup);
}

async function visit(path: string, fsGroup: number): Promise<void> {
  const stat = await lstat(path);
  await lchown(path, stat.uid, fsGroup);
  if (stat.isSymbolicLink()) return;
  if (!stat.isDirectory()) {
    await chmod(path, (stat.mode & 0o7777) | 0o660);
    return;
  }
  await chmod(path, (stat.mode & 0o7777) | 0o2770);
  for (const name of await readdir(path)) await visit(join(path, name), fsGroup);
}
