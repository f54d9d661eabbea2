import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Folders that root's programs are in, and that an ordinary user's PATH leaves out. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/bin'];

/** Path of a program: PATH, and the system's folders. */
export function which(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':').filter((folder) => folder !== ''), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Where Debian, and others, put the CNI plugins. */
const CNI_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin'];

/** Whether this CNI plugin is installed beside the others. */
export function hasCniPlugin(name: string): boolean {
  const folder = cniPlugins();
  return folder !== undefined && existsSync(join(folder, name));
}

/** The folder with the CNI plugins; undefined when they are not installed. */
export function cniPlugins(): string | undefined {
  return CNI_FOLDERS.find((folder) => existsSync(join(folder, 'bridge')));
}
