import { valueOfQuantity } from '#apimachinery';
import type { PodState } from '../plan/pod-state.js';
import { type PendingChange, pendingChanges } from '../plan/resize.js';
import { containerResources, podCgroup, podLimits } from '../pod/resources.js';
import type { CgroupLimits } from '../runtime/cgroups.js';
import type { CriLinuxResources } from '../runtime/cri-types.js';
import type { Needs, Outcomes } from './step-services.js';

/**
 * Gives the running containers what they were granted. The pod's own limits stand aside meanwhile: they are raised
 * before its containers grow, and lowered after they have shrunk.
 */
export async function* resizePod(
  services: Needs<'cgroups' | 'node' | 'events' | 'runtime'>,
  { pod, observed, memory }: PodState,
): Outcomes {
  const { cgroups, node, events, runtime } = services;
  const cgroup = podCgroup(pod);
  const target = podLimits(pod, node);
  try {
    await cgroups.apply(cgroup, memory.cgroupLimits ? loosest(memory.cgroupLimits, target) : target);
    for (const change of pendingChanges(pod, observed, memory)) {
      if (change.restart) continue;
      await checkUsage(services, change);
      const { container, observed: live, applied } = change;
      const wanted = containerResources(pod, container, node);
      await runtime.updateContainerResources(
        live.id,
        withRemovals(wanted, containerResources(pod, { ...container, resources: applied }, node)),
      );
      yield { type: 'containerResized', id: live.id, resources: container.resources ?? {} };
    }
    await cgroups.apply(cgroup, target);
  } catch (error) {
    const { message } = error as Error;
    if (memory.resizeFailure?.message !== message) {
      events.event(pod, 'Warning', 'ResizeError', `Pod resize error: ${message}`);
    }
    yield { type: 'resizeFailed', message };
    return;
  }
  yield { type: 'podResized', limits: target };
}

/** A limit below what is in use would kill the container. */
async function checkUsage(
  { runtime }: Needs<'runtime'>,
  { container, observed, applied }: PendingChange,
): Promise<void> {
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
