import type { MemoryPolicy } from '../pod/memory-policy.js';
import type { Pod } from '../pod/pod.js';
import { isTerminal } from '../pod/pod.js';
import { podTotal, qosClass } from '../pod/qos-class.js';
import { cpuShares } from '../pod/resources.js';
import type { CgroupLimits, CgroupPath } from '../runtime/cgroups.js';

/** Kubelet's number for huge pages without a limit of their own. */
const UNBOUNDED = 2 ** 62;

interface NodeLimits {
  cpus: number;
  memoryCapacity: number;
  memoryPolicy: MemoryPolicy;
  pageSizes: readonly string[];
}

/**
 * Limits of the cgroups above the pods. All pods together get no more memory than the node has for them; burstable ones
 * weigh what they ask for, best-effort ones nothing. Memory that pods reserve is reserved above them, too: the kernel
 * protects no more than each level has.
 */
export function qosTree(pods: Iterable<Pod>, node: NodeLimits): [CgroupPath, CgroupLimits][] {
  const { unified, reservation } = node.memoryPolicy;
  const asked = { cpu: 0, burstable: 0, guaranteed: 0 };
  for (const pod of pods) {
    if (isTerminal(pod.status)) continue;
    const qos = qosClass(pod);
    const memory = Math.floor((podTotal(pod, 'requests', 'memory') ?? 0) / 1000);
    if (qos === 'Burstable') {
      asked.cpu += podTotal(pod, 'requests', 'cpu') ?? 0;
      asked.burstable += memory;
    } else if (qos === 'Guaranteed') asked.guaranteed += memory;
  }
  const low = reservation === 'TieredReservation' ? asked.burstable : 0;
  const min = reservation === 'TieredReservation' ? asked.guaranteed + asked.burstable : 0;
  const hugepages = node.pageSizes.map((pageSize) => ({ pageSize, limit: UNBOUNDED }));
  const unbounded = hugepages.length > 0 ? { hugepages } : {};
  return [
    [
      {},
      {
        cpuShares: cpuShares(node.cpus * 1000),
        memoryLimit: node.memoryCapacity,
        ...(unified ? { memoryMin: min, memoryLow: low } : {}),
        ...unbounded,
      },
    ],
    [{ qos: 'Burstable' }, { cpuShares: cpuShares(asked.cpu), ...(unified ? { memoryLow: low } : {}), ...unbounded }],
    [{ qos: 'BestEffort' }, { cpuShares: cpuShares(0), ...unbounded }],
  ];
}
