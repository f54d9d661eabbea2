import type { CriContainerStats, CriFilesystemUsage, CriSandboxStats } from '../../runtime/cri-types.js';
import type { NodePods, ServerRuntime } from '../node-server-options.js';

/** Bytes, except the two counters of faults. */
export interface MemorySample {
  usage: number;
  workingSet: number;
  rss: number;
  pageFaults: number;
  majorPageFaults: number;
  /** Below the limit; absent without one. */
  available?: number;
}

export interface InterfaceSample {
  name: string;
  rxBytes: number;
  rxErrors: number;
  txBytes: number;
  txErrors: number;
}

/** Of one container, pod or node. */
export interface UsageSample {
  /** Milliseconds since the epoch. */
  time: number;
  cpuNanoseconds: number;
  memory?: MemorySample;
}

export interface ContainerSample extends UsageSample {
  id: string;
  name: string;
  rootfs?: { usedBytes: number; inodesUsed: number };
}

export interface PodSample {
  uid: string;
  namespace: string;
  name: string;
  sandboxId: string;
  /** Of the pod's cgroup; absent when the runtime cannot tell. */
  usage?: UsageSample;
  network?: { time: number; main: InterfaceSample | undefined; all: InterfaceSample[] };
  containers: ContainerSample[];
}

const POD_UID = 'io.kubernetes.pod.uid';
const POD_NAME = 'io.kubernetes.pod.name';
const POD_NAMESPACE = 'io.kubernetes.pod.namespace';

/** What the runtime measures of every pod that runs. */
export async function samplePods(cri: ServerRuntime, pods: NodePods, now: () => number): Promise<PodSample[]> {
  const running = pods.list().flatMap((pod) => {
    const sandbox = pods.observed(pod.metadata.uid)?.sandboxes.find(({ ready }) => ready);
    return sandbox ? [sandbox.id] : [];
  });
  // One by one: containerd fails the list of all when one sandbox has stopped, and such are ordinary.
  const stats = await Promise.all(running.map((id) => cri.listPodSandboxStats(id).catch(() => [])));
  const samples = stats.flat().map((sandbox) => podSample(sandbox, now()));
  if (samples.length === running.length) return samples.map((pod) => onlyRunning(pod, pods));
  // A runtime that does not measure sandboxes, or a sandbox without a cgroup.
  const known = new Set(samples.map(({ uid }) => uid));
  const rest = podsFromContainers(await cri.listContainerStats(), now());
  return [...samples, ...rest.filter(({ uid }) => !known.has(uid))].map((pod) => onlyRunning(pod, pods));
}

/** Runtimes list ended containers, too, with zeros; they use nothing. */
function onlyRunning(pod: PodSample, pods: NodePods): PodSample {
  const states = pods.observed(pod.uid)?.containers ?? [];
  const runs = (id: string) => states.some((container) => container.id === id && container.state === 'running');
  return { ...pod, containers: pod.containers.filter(({ id }) => runs(id)) };
}

function podSample({ attributes, linux }: CriSandboxStats, now: number): PodSample {
  const { metadata, id } = attributes;
  const network = linux?.network;
  const main = network?.defaultInterface ? interfaceSample(network.defaultInterface) : undefined;
  const others = (network?.interfaces ?? []).map(interfaceSample);
  return {
    uid: metadata.uid,
    namespace: metadata.namespace,
    name: metadata.name,
    sandboxId: id,
    ...(linux ? { usage: usageSample(linux, now) } : {}),
    // A pod on the node's network has no traffic of its own.
    ...(main ? { network: { time: milliseconds(network!.timestamp, now), main, all: [main, ...others] } } : {}),
    containers: (linux?.containers ?? []).map((container) => containerSample(container, now)),
  };
}

function podsFromContainers(stats: readonly CriContainerStats[], now: number): PodSample[] {
  const pods = new Map<string, PodSample>();
  for (const container of stats) {
    const { labels } = container.attributes;
    const uid = labels[POD_UID];
    if (!uid) continue;
    let pod = pods.get(uid);
    if (!pod) {
      const [namespace = '', name = ''] = [labels[POD_NAMESPACE], labels[POD_NAME]];
      pods.set(uid, (pod = { uid, namespace, name, sandboxId: '', containers: [] }));
    }
    pod.containers.push(containerSample(container, now));
  }
  return [...pods.values()];
}

function containerSample(stats: CriContainerStats, now: number): ContainerSample {
  const { attributes, writableLayer } = stats;
  return {
    id: attributes.id,
    name: attributes.metadata.name,
    ...usageSample(stats, now),
    ...(writableLayer ? { rootfs: filesystemSample(writableLayer) } : {}),
  };
}

function filesystemSample(usage: CriFilesystemUsage): { usedBytes: number; inodesUsed: number } {
  return { usedBytes: usage.usedBytes?.value ?? 0, inodesUsed: usage.inodesUsed?.value ?? 0 };
}

function usageSample({ cpu, memory }: Pick<CriContainerStats, 'cpu' | 'memory'>, now: number): UsageSample {
  return {
    time: milliseconds(cpu?.timestamp, now),
    cpuNanoseconds: cpu?.usageCoreNanoSeconds?.value ?? 0,
    ...(memory
      ? {
          memory: {
            usage: memory.usageBytes?.value ?? 0,
            workingSet: memory.workingSetBytes?.value ?? 0,
            rss: memory.rssBytes?.value ?? 0,
            pageFaults: memory.pageFaults?.value ?? 0,
            majorPageFaults: memory.majorPageFaults?.value ?? 0,
            // Runtimes say 0 for "no limit".
            ...(memory.availableBytes?.value ? { available: memory.availableBytes.value } : {}),
          },
        }
      : {}),
  };
}

type CriInterface = NonNullable<NonNullable<NonNullable<CriSandboxStats['linux']>['network']>['defaultInterface']>;

function interfaceSample(usage: CriInterface): InterfaceSample {
  return {
    name: usage.name,
    rxBytes: usage.rxBytes?.value ?? 0,
    rxErrors: usage.rxErrors?.value ?? 0,
    txBytes: usage.txBytes?.value ?? 0,
    txErrors: usage.txErrors?.value ?? 0,
  };
}

function milliseconds(nanoseconds: number | undefined, now: number): number {
  return nanoseconds ? Math.round(nanoseconds / 1e6) : now;
}
