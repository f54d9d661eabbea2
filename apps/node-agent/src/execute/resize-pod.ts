import { valueOfQuantity } from '#apimachinery';
import { type PendingChange, pendingChanges } from '../plan/resize.js';
import type { Step } from '../plan/steps.js';
import { containerResources, podCgroup, podLimits } from '../pod/resources.js';
import type { CgroupLimits } from '../runtime/cgroups.js';
import type { CriLinuxResources } from '../runtime/cri-types.js';
import type { Execution, PodState } from './execution.js';

type ResizeStep = Extract<Step, { type: 'resizePod' }>;

/** Milliseconds until a change that failed is tried again. */
const RETRY = 10_000;

/**
 * Gives the running containers what they were granted. The pod's own limits stand aside meanwhile: they are raised
 * before its containers grow, and lowered after they have shrunk.
 */
export async function resizePod(
  execution: Execution,
  { pod, observed, memory }: PodState,
  _step: ResizeStep,
): Promise<void> {
  const { cgroups, node, events, runtime } = execution;
  const path = podCgroup(pod);
  const target = podLimits(pod, node.podPidsLimit);
  try {
    cgroups.apply(path, memory.cgroupLimits ? loosest(memory.cgroupLimits, target) : target);
    for (const change of pendingChanges(pod, observed, memory)) {
      if (change.restart) continue;
      await checkUsage(execution, change);
      const { container, observed: live, applied } = change;
      const wanted = containerResources(pod, container, node);
      await runtime.updateContainerResources(
        live.id,
        withRemovals(wanted, containerResources(pod, { ...container, resources: applied }, node)),
      );
      memory.applied.set(live.id, container.resources ?? {});
    }
    cgroups.apply(path, target);
    memory.cgroupLimits = target;
    memory.cgroupStale = false;
    memory.resizeFailure = undefined;
  } catch (error) {
    const { message } = error as Error;
    if (memory.resizeFailure?.message !== message) {
      events.event(pod, 'Warning', 'ResizeError', `Pod resize error: ${message}`);
    }
    memory.resizeFailure = { reason: 'Error', message, retryAt: execution.now() + RETRY };
  }
}

/** A limit below what is in use would kill the container. */
async function checkUsage({ runtime }: Execution, { container, observed, applied }: PendingChange): Promise<void> {
  const limit = valueOfQuantity(container.resources?.limits?.['memory']);
  const before = valueOfQuantity(applied.limits?.['memory']);
  if (limit === 0 || (before > 0 && limit >= before)) return;
  const { memory } = await runtime.containerStats(observed.id);
  const used = Number(memory?.usageBytes?.value ?? 0);
  if (used <= limit) return;
  throw new Error(
    `attempting to set container ${JSON.stringify(container.name)} memory limit (${limit}) below current usage (${used})`,
  );
}

/** What a limit was and is no more must be said: an update leaves alone what it does not name. */
function withRemovals(wanted: CriLinuxResources, applied: CriLinuxResources): CriLinuxResources {
  return {
    ...wanted,
    ...(applied.cpuQuota && !wanted.cpuQuota ? { cpuPeriod: applied.cpuPeriod, cpuQuota: -1 } : {}),
    ...(applied.memoryLimitInBytes && !wanted.memoryLimitInBytes
      ? { memoryLimitInBytes: -1, memorySwapLimitInBytes: -1 }
      : {}),
  };
}

/** Exported for its table. */
export function loosest(a: CgroupLimits, b: CgroupLimits): CgroupLimits {
  const result: CgroupLimits = { ...b };
  for (const key of ['cpuShares', 'cpuQuota', 'memoryLimit'] as const) {
    const [x, y] = [a[key], b[key]];
    if (x === undefined || y === undefined) continue;
    result[key] = x === -1 || y === -1 ? -1 : Math.max(x, y);
  }
  return result;
}
