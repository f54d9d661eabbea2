// biome-ignore-start lint/style/noRestrictedImports: the path is of the node, and its links count, as in kubelet.
import { constants, type Stats } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
// biome-ignore-end lint/style/noRestrictedImports: the path is of the node.
import { bare } from '#apimachinery';
import { definePlugin, VolumeError } from './volume-plugin.js';

interface Check {
  what: string;
  test(stats: Stats): boolean;
  create?(path: string): Promise<void>;
}

const makeDirectory = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o755 });
};
/** Waits for nobody, should it be a pipe by now. */
const makeFile = async (path: string): Promise<void> => {
  const { O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
  await (await open(path, O_CREAT | O_WRONLY | O_NONBLOCK, 0o644)).close();
};

const CHECKS = bare<Check>({
  Directory: { what: 'a directory', test: (stats) => stats.isDirectory() },
  DirectoryOrCreate: { what: 'a directory', test: (stats) => stats.isDirectory(), create: makeDirectory },
  File: { what: 'a file', test: (stats) => stats.isFile() },
  FileOrCreate: { what: 'a file', test: (stats) => stats.isFile(), create: makeFile },
  Socket: { what: 'a socket file', test: (stats) => stats.isSocket() },
  CharDevice: { what: 'a character device', test: (stats) => stats.isCharacterDevice() },
  BlockDevice: { what: 'a block device', test: (stats) => stats.isBlockDevice() },
});

export const hostPath = definePlugin({
  type: 'hostPath',
  plugin: 'kubernetes.io/host-path',
  async mount(_context, _name, { path, type = '' }) {
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
});
