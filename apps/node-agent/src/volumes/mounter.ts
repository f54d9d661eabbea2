import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Logger } from '#client';
import type { Mounter, MountSpec } from './volume-plugin.js';

const run = promisify(execFile);

/** Through util-linux' programs: Node has no mount call, and these are rare. */
export const systemMounter: Mounter = {
  async mount(spec, target) {
    const { source, options, directory } = shortened(spec);
    await run('mount', ['-t', spec.type, '-o', options.join(','), source, target], { cwd: directory }).catch(rethrow);
  },
  async tmpfs(target, options) {
    const flags = options.length > 0 ? ['-o', options.join(',')] : [];
    await run('mount', ['-t', 'tmpfs', ...flags, 'tmpfs', target]).catch(rethrow);
  },
  bindDescriptor(fd, target) {
    return new Promise((resolve, reject) => {
      // Descriptor 3 of the child is ours: the path through /proc names exactly that file.
      const child = spawn('mount', ['--no-canonicalize', '--bind', '/proc/self/fd/3', target], {
        stdio: ['ignore', 'ignore', 'pipe', fd],
      });
      let errors = '';
      child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors += text));
      child.once('error', reject);
      child.once('close', (code) =>
        code === 0 ? resolve() : reject(new Error(errors.trim() || `mount exited ${code}`)),
      );
    });
  },
  async unmount(target) {
    if (!this.isMounted(target)) return;
    await run('umount', [target]).catch(() => run('umount', ['--lazy', target]).catch(rethrow));
  },
  isMounted(target) {
    return mountPoints().has(target);
  },
};

/**
 * The kernel takes a page of options; an image's many layers, each with its whole path, are more. They are named from
 * the folder that they share.
 */
export function shortened({ source, options }: MountSpec): { source: string; options: string[]; directory: string } {
  const lower = options.find((option) => option.startsWith(LOWER));
  const layers = lower?.slice(LOWER.length).split(':') ?? [];
  if (layers.length < 2) return { source, options, directory: '/' };
  const folders = layers.map((layer) => layer.split('/').slice(0, -1));
  const depth = folders[0]!.findIndex((part, index) => folders.some((folder) => folder[index] !== part));
  const shared = depth === -1 ? folders[0]! : folders[0]!.slice(0, depth);
  const directory = shared.join('/') || '/';
  const names = layers.map((layer) => layer.slice(shared.length > 1 ? directory.length + 1 : 1));
  return {
    source,
    options: options.map((option) => (option === lower ? `${LOWER}${names.join(':')}` : option)),
    directory,
  };
}

const LOWER = 'lowerdir=';

export function mountPoints(): Set<string> {
  const decode = (path: string) =>
    path.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return new Set(lines.map((line) => decode(line.split(' ')[1] ?? '')));
}

function rethrow(error: Error & { stderr?: string }): never {
  throw new Error(error.stderr?.trim() || error.message);
}

/** One tmpfs for what must not reach a disk, for all pods. On a machine that forbids mounts it is a plain folder. */
export async function mountMemoryDirectory(path: string, logger: Logger): Promise<string> {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  if (systemMounter.isMounted(path)) return path;
  try {
    await systemMounter.tmpfs(path, ['mode=0755']);
  } catch (error) {
    logger.warn('secrets lie on disk: no tmpfs can be mounted', { path, error });
  }
  return path;
}
