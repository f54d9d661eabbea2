import { logUsage } from '../node/log-usage.js';
import type { ObservedPod } from '../observe/observed-pod.js';
import type { Pod } from '../pod/pod.js';
import type { PodPaths } from '../pod/pod-paths.js';
import { podCgroup } from '../pod/resources.js';
import type { Cgroups } from '../runtime/cgroups.js';
import type { CriRuntime } from '../runtime/cri.js';
import type { CriContainerStats } from '../runtime/cri-types.js';
import { EMPTY_DIR } from '../volumes/empty-dir.js';
import type { ContainerUsage, FileUsage, PodUsage } from './pod-usage.js';

/** Measures what pods use: only when it matters, since it walks through their files. */
export class UsageReader {
  constructor(
    private readonly runtime: Pick<CriRuntime, 'listContainerStats'>,
    private readonly cgroups: Pick<Cgroups, 'stats'>,
    private readonly paths: PodPaths,
    private readonly observed: (uid: string) => ObservedPod | undefined,
  ) {}

  /** By uid. */
  async read(pods: readonly Pod[]): Promise<Map<string, PodUsage>> {
    if (pods.length === 0) return new Map();
    const stats = new Map((await this.runtime.listContainerStats()).map((entry) => [entry.attributes.id, entry]));
    const usages = new Map<string, PodUsage>();
    for (const pod of pods) usages.set(pod.metadata.uid, await this.readOne(pod, stats));
    return usages;
  }

  private async readOne(pod: Pod, stats: Map<string, CriContainerStats>): Promise<PodUsage> {
    const { uid } = pod.metadata;
    const running = (this.observed(uid)?.containers ?? []).filter(({ state }) => state === 'running');
    const containers = running.map(async ({ id, name, logPath }): Promise<ContainerUsage> => {
      const { memory, writableLayer } = stats.get(id) ?? {};
      const logs = await logUsage(logPath);
      return {
        name,
        ...(memory?.workingSetBytes ? { memory: memory.workingSetBytes.value } : {}),
        rootfs: { bytes: writableLayer?.usedBytes?.value ?? 0, inodes: writableLayer?.inodesUsed?.value ?? 0 },
        logs: { bytes: logs.usedBytes, inodes: logs.inodesUsed },
      };
    });
    const cgroup = await this.cgroups.stats(podCgroup(pod));
    return {
      memory: cgroup?.memoryWorkingSetBytes ?? 0,
      processes: cgroup?.processes ?? 0,
      containers: await Promise.all(containers),
      volumes: await this.volumes(pod),
    };
  }

  private async volumes(pod: Pod): Promise<Map<string, FileUsage>> {
    const usages = new Map<string, FileUsage>();
    for (const { name, ...source } of pod.spec.volumes ?? []) {
      if (!source['emptyDir'] || source['emptyDir'].medium === 'Memory') continue;
      usages.set(name, await this.paths.files.usage(this.paths.volume(pod.metadata.uid, EMPTY_DIR, name)));
    }
    return usages;
  }
}
