import type { Stats } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { bare } from '#apimachinery';
import { VolumeError, type VolumePlugin } from './volume-plugin.js';

interface Check {
  what: string;
  test(stats: Stats): boolean;
  create?(path: string): Promise<void>;
}

const makeDirectory = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o755 });
};
const makeFile = (path: string): Promise<void> => writeFile(path, '', { mode: 0o644, flag: 'a' });

const CHECKS = bare<Check>({
  Directory: { what: 'a directory', test: (stats) => stats.isDirectory() },
  DirectoryOrCreate: { what: 'a directory', test: (stats) => stats.isDirectory(), create: makeDirectory },
  File: { what: 'a file', test: (stats) => stats.isFile() },
  FileOrCreate: { what: 'a file', test: (stats) => stats.isFile(), create: makeFile },
  Socket: { what: 'a socket file', test: (stats) => stats.isSocket() },
  CharDevice: { what: 'a character device', test: (stats) => stats.isCharacterDevice() },
  BlockDevice: { what: 'a block device', test: (stats) => stats.isBlockDevice() },
});

export const hostPath: VolumePlugin = {
  type: 'hostPath',
  plugin: 'kubernetes.io/host-path',
  async mount(_context, volume) {
    const { path, type = '' } = volume['hostPath'] as { path: string; type?: string };
    if (type === '') return path;
    const check = CHECKS[type];
    if (!check) throw new VolumeError(`${type} is an invalid volume type`);
    let stats = await stat(path).catch(() => undefined);
    if (!stats && check.create) {
      await check.create(path);
      stats = await stat(path);
    }
    if (!stats || !check.test(stats)) throw new VolumeError(`hostPath type check failed: ${path} is not ${check.what}`);
    return path;
  },
};
