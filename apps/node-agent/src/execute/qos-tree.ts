import type { Pod } from '../pod/pod.js';
import { isTerminal } from '../pod/pod.js';
import { cpuShares, podTotal, qosClass } from '../pod/resources.js';
import type { CgroupLimits } from '../runtime/cgroups.js';

/**
 * Limits of the cgroups above the pods. All pods together get no more memory than the node has for them; burstable ones
 * weigh what they ask for, best-effort ones nothing.
 */
export function qosTree(
  pods: Iterable<Pod>,
  node: { cpus: number; memoryCapacity: number },
): Record<string, CgroupLimits> {
  let burstable = 0;
  for (const pod of pods) {
    if (qosClass(pod) === 'Burstable' && !isTerminal(pod.status)) burstable += podTotal(pod, 'requests', 'cpu') ?? 0;
  }
  return {
    kubepods: { cpuShares: cpuShares(node.cpus * 1000), memoryLimit: node.memoryCapacity },
    'kubepods/burstable': { cpuShares: cpuShares(burstable) },
    'kubepods/besteffort': { cpuShares: cpuShares(0) },
  };
}
