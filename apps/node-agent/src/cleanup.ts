import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from '#client';
import { FileTree } from '#files';
import { type AgentOptions, networkOptions } from './agent-options.js';
import { cleanupNetwork } from './network/network.js';
import { podsOf, removeRemains } from './pipe/pod-directories.js';
import { PodPaths } from './pod/pod-paths.js';
import { CgroupDriverError, cgroupSetup } from './runtime/cgroup-driver.js';
import { type CgroupPath, type CgroupSetup, Cgroups } from './runtime/cgroups.js';
import { CriRuntime, ignoreMissing } from './runtime/cri.js';

const AT_ONCE = 8;
/** For how long a sandbox may refuse its removal. */
const PATIENCE_MS = 20_000;
const PAUSE_MS = 250;
/** Children first. */
const POD_PARENTS: readonly CgroupPath[] = [{ qos: 'Burstable' }, { qos: 'BestEffort' }, {}];

/**
 * `main.js cleanup`: takes everything off the node that the agent and its pods left there. For `berth delete`, with the
 * agent stopped and the runtime running. What another agent of this machine owns stays: only pods with a folder here, or
 * in a runtime of our own, are touched, and cgroups that hold others' pods are left. Fails when something cannot go, after
 * all else is gone.
 */
export async function cleanUpNode(options: AgentOptions, logger: Logger): Promise<void> {
  const runtime = new CriRuntime(options.runtimeEndpoint);
  const root = join(options.dataDir, 'agent');
  const paths = new PodPaths(root, options.podLogsDir);
  const cgroups = new Cgroups(options.cgroupRoot, await setupOfRuntime(runtime, options));
  const closeImages = (uid: string) => runtime.closeImageViews(uid);
  const context = { paths, memoryDirectory: join(root, 'memory'), cgroups, closeImages };
  const uids = new Set(await podsOf(context));
  // In a runtime that others use as well, ours are the pods that have a folder here.
  const isOurs = (uid: string) => options.cniConfigDir !== undefined || uids.has(uid);
  const sandboxes = (await runtime.listSandboxes()).filter(({ metadata }) => isOurs(metadata.uid));
  for (const { metadata } of sandboxes) if (metadata.uid) uids.add(metadata.uid);
  logger.info('removing pods', { count: uids.size });
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  await atOnce(sandboxes, ({ id }) => removeSandbox(runtime, id).catch(failed));
  await atOnce([...uids], (uid) => removeRemains(context, uid).catch(failed));
  await paths.files.unmountBelow(root).catch(failed);
  if (failures.length > 0) throw failures[0];
  await new FileTree(options.dataDir).remove(root);
  await removeIfEmpty(options.podLogsDir);
  for (const cgroup of POD_PARENTS) await cgroups.removeIfEmpty(cgroup);
  await cgroups.removeRootIfEmpty();
  await cleanupNetwork(networkOptions(options));
}

/**
 * One that the runtime has given up meanwhile is as good as removed. The agent may have stopped amid a call: containerd goes
 * on with it, and refuses to remove what it is still starting ("container is in starting state"). So a refusal counts
 * only when it lasts for `patienceMs`.
 */
export async function removeSandbox(
  runtime: Pick<CriRuntime, 'stopPodSandbox' | 'removePodSandbox'>,
  id: string,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      await ignoreMissing(runtime.stopPodSandbox(id));
      return await ignoreMissing(runtime.removePodSandbox(id));
    } catch (error) {
      if (performance.now() >= end) throw error;
      await setTimeout(PAUSE_MS);
    }
  }
}

/** Where the pods are is the runtime's word alone, also when the flag has changed since they started. */
async function setupOfRuntime(runtime: CriRuntime, { cgroupDriver }: AgentOptions): Promise<CgroupSetup> {
  try {
    return await cgroupSetup(runtime, cgroupDriver);
  } catch (error) {
    if (error instanceof CgroupDriverError) return cgroupSetup(runtime, undefined);
    throw error;
  }
}

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Others may have their logs there. */
async function removeIfEmpty(directory: string): Promise<void> {
  const parent = new FileTree(dirname(directory));
  if ((await parent.list(directory)).length === 0) await parent.remove(directory);
}
