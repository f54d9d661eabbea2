import { formatTime } from '#apimachinery';
import { logUsage } from '../../node/log-usage.js';
import { type DiskUsage, diskUsage, processCount } from '../../node/machine.js';
import { allContainers, type Pod } from '../../pod/pod.js';
import type { NodeServerOptions } from '../node-server-options.js';
import { claimUsage } from './claim-stats.js';
import type { ContainerSample, InterfaceSample, MemorySample, PodSample, UsageSample } from './samples.js';
import { nanoCores, type Sample, type StatsSource } from './stats-source.js';

type Json = Record<string, unknown>;

/** kubelet's stats/v1alpha1 Summary. */
export async function summary(
  server: NodeServerOptions,
  source: StatsSource,
  cpuAndMemoryOnly: boolean,
): Promise<Json> {
  const { current, earlier } = await source.pair();
  const disk = cpuAndMemoryOnly ? undefined : await diskUsage(server.dataDirectory ?? '/');
  const pods = await Promise.all(
    current.pods.map((sample) => {
      const pod = server.pods.find(sample.namespace, sample.name);
      if (pod && pod.metadata.uid !== sample.uid) return undefined;
      const before = earlier.pods.find(({ sandboxId, uid }) => uid === sample.uid && sandboxId === sample.sandboxId);
      return podSummary(server, sample, before, pod, disk);
    }),
  );
  return { node: await nodeSummary(server, current, earlier, disk), pods: pods.filter((pod) => pod !== undefined) };
}

async function nodeSummary(
  { nodeName, cri, logger }: NodeServerOptions,
  current: Sample,
  earlier: Sample,
  disk: DiskUsage | undefined,
): Promise<Json> {
  const { node } = current;
  const base = {
    nodeName,
    startTime: formatTime(new Date(node.bootTime)),
    cpu: cpuStats(node, earlier.node),
    memory: memoryStats(node.time, node.memory),
  };
  if (!disk) return base;
  const time = formatTime(new Date(node.time));
  const images = await cri.imageFilesystems().then(
    ({ imageFilesystems }) => imageFilesystems[0],
    (error: unknown) => {
      logger.warn('the runtime does not tell of its image filesystem', { error });
      return undefined;
    },
  );
  const imageDisk = images?.fsId ? await diskUsage(images.fsId.mountpoint).catch(() => disk) : disk;
  const imageFs = { ...filesystem(time, imageDisk), usedBytes: images?.usedBytes?.value ?? 0 };
  const processes = processCount();
  return {
    ...base,
    network: { time, ...network(node.network.main, node.network.all) },
    fs: { ...filesystem(time, disk), usedBytes: disk.capacity - disk.available },
    runtime: { imageFs, containerFs: imageFs },
    rlimit: { time, maxpid: processes.limit, curproc: processes.running },
    swap: { time, swapAvailableBytes: node.swap.available, swapUsageBytes: node.swap.usage },
  };
}

async function podSummary(
  server: NodeServerOptions,
  sample: PodSample,
  before: PodSample | undefined,
  pod: Pod | undefined,
  disk: DiskUsage | undefined,
): Promise<Json> {
  const { uid, name, namespace } = sample;
  const observed = server.pods.observed(uid);
  const containers = await Promise.all(
    sample.containers.map(async (container) => {
      const state = observed?.containers.find(({ id }) => id === container.id);
      const earlier = before?.containers.find(({ id }) => id === container.id);
      const base = {
        name: container.name,
        startTime: formatTime(new Date(state?.startedAt ?? container.time)),
        cpu: cpuStats(container, earlier),
        memory: memoryStats(container.time, container.memory),
      };
      if (!disk) return base;
      const time = formatTime(new Date(container.time));
      const logs = await logUsage(state?.logPath);
      return {
        ...base,
        rootfs: { ...filesystem(time, disk), ...container.rootfs },
        logs: { ...filesystem(time, disk), ...logs },
      };
    }),
  );
  const started = pod?.status?.startTime ?? formatTime(new Date(observed?.sandboxes[0]?.createdAt ?? Date.now()));
  const usage = sample.usage ?? addUp(sample.containers);
  const earlierUsage = before ? (before.usage ?? addUp(before.containers)) : undefined;
  const result: Json = {
    podRef: { name, namespace, uid },
    startTime: started,
    containers: pod ? inSpecOrder(pod, containers) : containers,
    ...(usage ? { cpu: cpuStats(usage, earlierUsage), memory: memoryStats(usage.time, usage.memory) } : {}),
  };
  if (!disk) return result;
  if (sample.network) {
    const time = formatTime(new Date(sample.network.time));
    result['network'] = { time, ...network(sample.network.main, sample.network.all) };
  }
  const time = formatTime(new Date(usage?.time ?? Date.now()));
  const used = (field: 'usedBytes' | 'inodesUsed') =>
    containers.reduce((sum, container) => {
      const parts = container as { rootfs?: Record<string, number>; logs?: Record<string, number> };
      return sum + (parts.rootfs?.[field] ?? 0) + (parts.logs?.[field] ?? 0);
    }, 0);
  result['ephemeral-storage'] = {
    ...filesystem(time, disk),
    usedBytes: used('usedBytes'),
    inodesUsed: used('inodesUsed'),
  };
  const claims = pod ? await claimUsage(server, pod) : [];
  if (claims.length > 0) {
    result['volume'] = claims.map(({ volume, claim, disk: own }) => ({
      ...filesystem(time, own),
      usedBytes: own.capacity - own.available,
      name: volume,
      pvcRef: claim,
    }));
  }
  return result;
}

function inSpecOrder<T extends { name: string }>(pod: Pod, containers: T[]): T[] {
  const order = [...allContainers(pod)].map(({ container }) => container.name);
  return [...containers].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

/** The pod as the sum of its containers, for runtimes that do not measure the pod itself. */
export function addUp(containers: readonly ContainerSample[]): UsageSample | undefined {
  const [first, ...others] = containers;
  if (!first) return undefined;
  const sum: UsageSample = { time: first.time, cpuNanoseconds: first.cpuNanoseconds };
  if (first.memory) {
    const { available: _, ...memory } = first.memory;
    sum.memory = memory;
  }
  for (const other of others) {
    sum.time = Math.max(sum.time, other.time);
    sum.cpuNanoseconds += other.cpuNanoseconds;
    if (!sum.memory || !other.memory) continue;
    for (const field of ['usage', 'workingSet', 'rss', 'pageFaults', 'majorPageFaults'] as const) {
      sum.memory[field] += other.memory[field];
    }
  }
  return sum;
}

function cpuStats(current: UsageSample, earlier: UsageSample | undefined): Json {
  const rate = nanoCores(current, earlier);
  return {
    time: formatTime(new Date(current.time)),
    ...(rate !== undefined ? { usageNanoCores: rate } : {}),
    usageCoreNanoSeconds: current.cpuNanoseconds,
  };
}

function memoryStats(time: number, memory: MemorySample | undefined): Json {
  return {
    time: formatTime(new Date(time)),
    ...(memory
      ? {
          ...(memory.available !== undefined ? { availableBytes: memory.available } : {}),
          usageBytes: memory.usage,
          workingSetBytes: memory.workingSet,
          rssBytes: memory.rss,
          pageFaults: memory.pageFaults,
          majorPageFaults: memory.majorPageFaults,
        }
      : {}),
  };
}

function filesystem(time: string, disk: DiskUsage): Json {
  return {
    time,
    availableBytes: disk.available,
    capacityBytes: disk.capacity,
    inodesFree: disk.inodesFree,
    inodes: disk.inodes,
    inodesUsed: disk.inodes - disk.inodesFree,
  };
}

function network(main: InterfaceSample | undefined, all: readonly InterfaceSample[]): Json {
  return { ...(main ? traffic(main) : {}), interfaces: all.map(traffic) };
}

function traffic({ name, rxBytes, rxErrors, txBytes, txErrors }: InterfaceSample): Json {
  return { name, rxBytes, rxErrors, txBytes, txErrors };
}
