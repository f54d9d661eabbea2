import { milliValueOf, valueOfQuantity } from '#apimachinery';
import type { CgroupLimits, CgroupPath } from '../runtime/cgroups.js';
import type { CriLinuxResources } from '../runtime/cri-types.js';
import { containerMemory, type MemoryPolicy, podMemory } from './memory-policy.js';
import type { Container, Pod, ResourceList } from './pod.js';
import { podTotal, qosClass } from './qos-class.js';

/** Microseconds: the period that kubelet asks for, and the shortest quota that the kernel takes. */
export const CPU_PERIOD = 100_000;
const MIN_QUOTA = 1000;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

export function cpuShares(milliCpu: number): number {
  if (milliCpu === 0) return MIN_SHARES;
  return Math.min(Math.max(Math.floor((milliCpu * 1024) / 1000), MIN_SHARES), MAX_SHARES);
}

export function cpuQuota(milliCpu: number, period = CPU_PERIOD): number {
  if (milliCpu === 0) return 0;
  return Math.max(Math.floor((milliCpu * period) / 1000), MIN_QUOTA);
}

export function podCgroup(pod: Pod): CgroupPath {
  return { qos: qosClass(pod), uid: pod.metadata.uid };
}

export interface PodLimitContext {
  /** Processes a pod may have; 0 is no limit. */
  podPidsLimit: number;
  memoryPolicy: MemoryPolicy;
  /** Sizes of the kernel's huge pages, as its files name them. */
  pageSizes: readonly string[];
}

export function podLimits(pod: Pod, { podPidsLimit, memoryPolicy, pageSizes }: PodLimitContext): CgroupLimits {
  const qos = qosClass(pod);
  const cpu = podTotal(pod, 'limits', 'cpu');
  const memory = podTotal(pod, 'limits', 'memory');
  const others = {
    ...(podPidsLimit > 0 ? { pidsLimit: podPidsLimit } : {}),
    ...(pageSizes.length > 0 ? { hugepages: podHugepages(pod, pageSizes) } : {}),
    ...podMemory(pod, memoryPolicy),
  };
  if (qos === 'BestEffort') return { cpuShares: MIN_SHARES, ...others };
  return {
    cpuShares: cpuShares(podTotal(pod, 'requests', 'cpu') ?? 0),
    cpuPeriod: CPU_PERIOD,
    cpuQuota: cpu ? cpuQuota(cpu) : -1,
    memoryLimit: memory ? Math.floor(memory / 1000) : -1,
    ...others,
  };
}

export interface ContainerResourceContext {
  /** Bytes of memory of the node: what a burstable pod's score is relative to. */
  memoryCapacity: number;
  /** The lowest score that the agent may give; its own where root lacks CAP_SYS_RESOURCE. */
  minimumOomScore: number;
  memoryPolicy: MemoryPolicy;
}

export function containerResources(
  pod: Pod,
  container: Container,
  { memoryCapacity, minimumOomScore, memoryPolicy }: ContainerResourceContext,
): CriLinuxResources {
  const { requests, limits } = container.resources ?? {};
  const cpuRequest = milliValueOf(requests?.['cpu'] ?? limits?.['cpu']);
  const cpuLimit = milliValueOf(limits?.['cpu']);
  const memoryLimit = valueOfQuantity(limits?.['memory']);
  return {
    cpuShares: cpuShares(cpuRequest),
    ...(cpuLimit > 0 ? { cpuPeriod: CPU_PERIOD, cpuQuota: cpuQuota(cpuLimit) } : {}),
    ...(memoryLimit > 0 ? { memoryLimitInBytes: memoryLimit } : {}),
    // v1 counts memory and swap together: as much as the limit is no swap.
    ...(memoryLimit > 0 && !memoryPolicy.unified && memoryPolicy.swapController
      ? { memorySwapLimitInBytes: memoryLimit }
      : {}),
    ...(memoryPolicy.unified ? { unified: containerMemory(pod, container, memoryPolicy) } : {}),
    oomScoreAdj: Math.max(oomScore(pod, container, memoryCapacity), minimumOomScore),
    hugepageLimits: hugepages(limits),
  };
}

/** Who is killed first when the node runs out of memory: 1000 first, -997 last. */
export function oomScore(pod: Pod, container: Container, memoryCapacity: number): number {
  if (typeof pod.spec.priority === 'number' && pod.spec.priority >= 2_000_000_000) return -997;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = valueOfQuantity(container.resources?.requests?.['memory'] ?? container.resources?.limits?.['memory']);
  const score = 1000 - Math.floor((1000 * request) / memoryCapacity);
  if (score < 1000 + -997) return 1000 + -997;
  return score === 1000 ? 999 : score;
}

/** Sizes that the pod does not ask for are forbidden to it, and not unlimited. */
function podHugepages(pod: Pod, pageSizes: readonly string[]): { pageSize: string; limit: number }[] {
  return pageSizes.map((pageSize) => {
    const total = podTotal(pod, 'requests', `hugepages-${pageSize.replace(/B$/, 'i')}`) ?? 0;
    return { pageSize, limit: Math.floor(total / 1000) };
  });
}

function hugepages(limits: ResourceList | undefined): { pageSize: string; limit: number }[] {
  return Object.entries(limits ?? {})
    .filter(([name]) => name.startsWith('hugepages-'))
    .map(([name, value]) => ({
      pageSize: name.slice('hugepages-'.length).replace(/i$/, 'B'),
      limit: valueOfQuantity(value),
    }));
}
