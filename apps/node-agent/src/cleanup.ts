import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from '#client';
import { cleanupNetwork } from './network/network.js';
import type { AgentOptions } from './options.js';
import { PodPaths } from './pod/pod-paths.js';
import { Cgroups } from './runtime/cgroups.js';
import { CriRuntime } from './runtime/cri.js';
import { hasImageVolumes } from './volumes/image.js';

const AT_ONCE = 8;
const KUBEPODS = 'kubepods';

/**
 * `main.js cleanup`: takes everything off the node that the agent and its pods left there. For `berth delete`, with the
 * agent stopped and the runtime running. Only pods of this runtime are touched, and only cgroups below `--cgroup-root`.
 */
export async function cleanUpNode(options: AgentOptions, logger: Logger): Promise<void> {
  const runtime = new CriRuntime(options.runtimeEndpoint);
  const pods = join(options.dataDir, 'agent', 'pods');
  // In a runtime that others use as well, ours are the pods that have a folder here.
  const isOurs = (uid: string) => options.cniConfigDir !== undefined || existsSync(join(pods, uid));
  const queue = (await runtime.listSandboxes()).filter(({ metadata }) => isOurs(metadata.uid));
  logger.info('removing pods', { count: queue.length });
  const worker = async () => {
    for (let sandbox = queue.pop(); sandbox; sandbox = queue.pop()) {
      const { namespace, name, uid } = sandbox.metadata;
      await runtime.stopPodSandbox(sandbox.id);
      await runtime.removePodSandbox(sandbox.id);
      rmSync(join(options.podLogsDir, `${namespace}_${name}_${uid}`), { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  removeIfEmpty(options.podLogsDir);
  const root = join(options.dataDir, 'agent');
  unmountBelow(root);
  for (const uid of readDirectory(pods)) {
    if (hasImageVolumes(new PodPaths(root, options.podLogsDir), uid)) await runtime.closeImageViews(uid);
  }
  rmSync(root, { recursive: true, force: true });
  await new Cgroups(options.cgroupRoot).remove(KUBEPODS);
  const parent = options.cgroupRoot.replace(/^\/+/, '');
  if (parent)
    await new Cgroups(dirname(parent) === '.' ? '' : dirname(parent)).remove(parent.slice(parent.lastIndexOf('/') + 1));
  if (options.proxyMode !== 'none') await cleanupNetwork(options.cniConfigDir);
}

/** Volumes in memory and bound subpaths, deepest first. */
function unmountBelow(directory: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const path of mounts
    .filter((path) => path.startsWith(`${directory}/`))
    .sort()
    .reverse()) {
    spawnSync('umount', ['-l', path]);
  }
}

function readDirectory(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function removeIfEmpty(directory: string): void {
  try {
    if (readdirSync(directory).length === 0) rmdirSync(directory);
  } catch {
    // It is not there, or somebody else's now.
  }
}
