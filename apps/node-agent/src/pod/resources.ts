import { milliValueOf, ownValue, valueOfQuantity } from '#apimachinery';
import type { CgroupLimits, CgroupPath } from '../runtime/cgroups.js';
import type { CriLinuxResources } from '../runtime/cri-types.js';
import type { Container, Pod, ResourceList } from './pod.js';

/** Microseconds: the period that kubelet asks for, and the shortest quota that the kernel takes. */
export const CPU_PERIOD = 100_000;
const MIN_QUOTA = 1000;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

export function cpuShares(milliCpu: number): number {
  if (milliCpu === 0) return MIN_SHARES;
  return Math.min(Math.max(Math.floor((milliCpu * 1024) / 1000), MIN_SHARES), MAX_SHARES);
}

export function cpuQuota(milliCpu: number, period = CPU_PERIOD): number {
  if (milliCpu === 0) return 0;
  return Math.max(Math.floor((milliCpu * period) / 1000), MIN_QUOTA);
}

export function qosClass(pod: Pod): QosClass {
  const known = pod.status?.qosClass;
  if (known === 'Guaranteed' || known === 'Burstable' || known === 'BestEffort') return known;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const of = (container: Container, list: 'requests' | 'limits', name: string) =>
    ownValue(container.resources?.[list], name);
  const names = ['cpu', 'memory'];
  const any = containers.some((container) =>
    names.some((name) => positive(of(container, 'requests', name)) || positive(of(container, 'limits', name))),
  );
  if (!any) return 'BestEffort';
  const guaranteed = containers.every((container) =>
    names.every((name) => {
      const limit = of(container, 'limits', name);
      const request = of(container, 'requests', name) ?? limit;
      return positive(limit) && milliValueOf(limit) === milliValueOf(request);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function positive(value: string | number | undefined): boolean {
  return value !== undefined && milliValueOf(value) > 0;
}

export function podCgroup(pod: Pod): CgroupPath {
  return { qos: qosClass(pod), uid: pod.metadata.uid };
}

/**
 * What a pod needs at once: its containers and sidecars together, or the largest init container with the sidecars that
 * were started before it. Limits are counted only where every container has one.
 */
export function podTotal(pod: Pod, list: 'requests' | 'limits', name: string): number | undefined {
  const amount = (container: Container): number | undefined => {
    const value = ownValue(container.resources?.[list], name);
    return value === undefined ? undefined : milliValueOf(value);
  };
  const podLevel = ownValue(pod.spec.resources?.[list], name);
  if (podLevel !== undefined) return milliValueOf(podLevel);
  let main = 0;
  for (const container of pod.spec.containers) {
    const value = amount(container);
    if (value === undefined && list === 'limits') return undefined;
    main += value ?? 0;
  }
  let sidecars = 0;
  let largest = 0;
  for (const container of pod.spec.initContainers ?? []) {
    const value = amount(container);
    if (value === undefined && list === 'limits') return undefined;
    if (container.restartPolicy === 'Always') {
      sidecars += value ?? 0;
      largest = Math.max(largest, sidecars);
    } else largest = Math.max(largest, sidecars + (value ?? 0));
  }
  const overhead = milliValueOf(ownValue(pod.spec.overhead, name));
  const total = Math.max(main + sidecars, largest);
  // Overhead raises a limit only where there is one.
  return list === 'limits' && total === 0 ? 0 : total + overhead;
}

export function podLimits(pod: Pod, pidsLimit: number): CgroupLimits {
  const qos = qosClass(pod);
  const cpu = podTotal(pod, 'limits', 'cpu');
  const memory = podTotal(pod, 'limits', 'memory');
  const pids = pidsLimit > 0 ? { pidsLimit } : {};
  if (qos === 'BestEffort') return { cpuShares: MIN_SHARES, ...pids };
  return {
    cpuShares: cpuShares(podTotal(pod, 'requests', 'cpu') ?? 0),
    cpuPeriod: CPU_PERIOD,
    cpuQuota: cpu ? cpuQuota(cpu) : -1,
    memoryLimit: memory ? Math.floor(memory / 1000) : -1,
    ...pids,
  };
}

export interface ContainerResourceContext {
  /** Bytes of memory of the node: what a burstable pod's score is relative to. */
  memoryCapacity: number;
  /** The lowest score that the agent may give; its own where root lacks CAP_SYS_RESOURCE. */
  minimumOomScore: number;
}

export function containerResources(
  pod: Pod,
  container: Container,
  context: ContainerResourceContext,
): CriLinuxResources {
  const { requests, limits } = container.resources ?? {};
  const cpuRequest = milliValueOf(requests?.['cpu'] ?? limits?.['cpu']);
  const cpuLimit = milliValueOf(limits?.['cpu']);
  const memoryLimit = valueOfQuantity(limits?.['memory']);
  return {
    cpuShares: cpuShares(cpuRequest),
    ...(cpuLimit > 0 ? { cpuPeriod: CPU_PERIOD, cpuQuota: cpuQuota(cpuLimit) } : {}),
    ...(memoryLimit > 0 ? { memoryLimitInBytes: memoryLimit, memorySwapLimitInBytes: memoryLimit } : {}),
    oomScoreAdj: Math.max(oomScore(pod, container, context.memoryCapacity), context.minimumOomScore),
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

function hugepages(limits: ResourceList | undefined): { pageSize: string; limit: number }[] {
  return Object.entries(limits ?? {})
    .filter(([name]) => name.startsWith('hugepages-'))
    .map(([name, value]) => ({
      pageSize: name.slice('hugepages-'.length).replace(/i$/, 'B'),
      limit: valueOfQuantity(value),
    }));
}
