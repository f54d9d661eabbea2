import { claimNameOf } from '#kinds';
import { type DiskUsage, diskUsage } from '../../node/machine.js';
import type { Pod } from '../../pod/pod.js';
import type { NodeServerOptions } from '../node-server-options.js';
import { type Family, PrometheusText } from './prometheus-text.js';

export interface ClaimUsage {
  /** Of the pod's volume. */
  volume: string;
  claim: { namespace: string; name: string };
  disk: DiskUsage;
}

/** How full the file systems are that the pod's claims are on. Volumes that are used in their place have no figures, as with kubelet. */
export async function claimUsage({ claimFolder }: NodeServerOptions, pod: Pod): Promise<ClaimUsage[]> {
  const { uid, namespace = '' } = pod.metadata;
  const found = (pod.spec.volumes ?? []).map(async (volume): Promise<ClaimUsage[]> => {
    const name = claimNameOf(pod, volume);
    if (name === undefined || !claimFolder) return [];
    const disk = await diskUsage(claimFolder(uid, volume.name)).catch(() => undefined);
    return disk ? [{ volume: volume.name, claim: { namespace, name }, disk }] : [];
  });
  return (await Promise.all(found)).flat();
}

const FIGURES: readonly [name: string, help: string, of: (disk: DiskUsage) => number][] = [
  ['kubelet_volume_stats_available_bytes', 'Bytes that are free', ({ available }) => available],
  ['kubelet_volume_stats_capacity_bytes', 'Bytes in all', ({ capacity }) => capacity],
  ['kubelet_volume_stats_used_bytes', 'Bytes that are used', ({ capacity, available }) => capacity - available],
  ['kubelet_volume_stats_inodes', 'Inodes in all', ({ inodes }) => inodes],
  ['kubelet_volume_stats_inodes_free', 'Inodes that are free', ({ inodesFree }) => inodesFree],
  ['kubelet_volume_stats_inodes_used', 'Inodes that are used', ({ inodes, inodesFree }) => inodes - inodesFree],
];

/** `kubelet_volume_stats_*`: each claim once, however many pods have it. */
export async function claimMetrics(server: NodeServerOptions): Promise<string> {
  const usage = (await Promise.all(server.pods.list().map((pod) => claimUsage(server, pod)))).flat();
  const claims = new Map(usage.map((found) => [`${found.claim.namespace}/${found.claim.name}`, found]));
  const text = new PrometheusText();
  for (const [name, help, of] of FIGURES) {
    const family: Family = { name, type: 'gauge', help: `${help} on the volume` };
    const values = [...claims.values()].map(({ claim, disk }) => ({
      labels: { namespace: claim.namespace, persistentvolumeclaim: claim.name },
      value: of(disk),
    }));
    text.add(family, values);
  }
  return text.toString();
}
