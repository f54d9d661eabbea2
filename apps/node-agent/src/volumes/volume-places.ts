import { join, normalize } from 'node:path/posix';

/** Nothing in them is a volume, and nothing in them comes back. */
const SYSTEM_TREES = ['/bin', '/boot', '/dev', '/etc', '/lib', '/lib32', '/lib64', '/proc', '/sbin', '/sys', '/usr'];
/** Volumes may be in them, but they are none. */
const SYSTEM_FOLDERS = new Set(
  [
    '/ /home /media /mnt /opt /root /run /srv /tmp /var',
    '/var/cache /var/lib /var/local /var/log /var/opt /var/spool /var/tmp',
  ].flatMap((line) => line.split(' ')),
);

/** The folder of all local-path volumes, unless the administrator configured another one. */
export function localPathRoot(dataDir: string): string {
  return join(dataDir, 'storage');
}

/** Why there can be no volumes in this folder; undefined when there can. */
export function unfitForVolumes(folder: string, dataDir: string): string | undefined {
  const path = normalize(folder);
  if (!path.startsWith('/') || folder.split('/').includes('..')) return 'is no absolute path';
  // Of the agent wherever the administrator put its data.
  if (isBelow(path, localPathRoot(dataDir))) return undefined;
  if (path === '/' || SYSTEM_TREES.some((tree) => isBelow(path, tree))) return 'belongs to the system';
  return isBelow(path, dataDir) || isBelow(dataDir, path) ? 'belongs to the node agent' : undefined;
}

/** Why this folder is no volume; undefined when it can be one. */
export function isNoVolume(folder: string, dataDir: string): string | undefined {
  const path = normalize(`${folder}/`).slice(0, -1);
  if (SYSTEM_FOLDERS.has(path)) return 'belongs to the system';
  if (path === localPathRoot(dataDir)) return 'belongs to the node agent';
  return unfitForVolumes(folder, dataDir);
}

/** The folder itself counts as well. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
