import type { Pod } from '../pod/pod.js';
import { isTerminal } from '../pod/pod.js';
import { cpuShares, podTotal, qosClass } from '../pod/resources.js';
import type { CgroupLimits, CgroupPath } from '../runtime/cgroups.js';

/**
 * Limits of the cgroups above the pods. All pods together get no more memory than the node has for them; burstable ones
 * weigh what they ask for, best-effort ones nothing.
 */
export function qosTree(
  pods: Iterable<Pod>,
  node: { cpus: number; memoryCapacity: number },
): [CgroupPath, CgroupLimits][] {
  let burstable = 0;
  for (const pod of pods) {
    if (qosClass(pod) === 'Burstable' && !isTerminal(pod.status)) burstable += podTotal(pod, 'requests', 'cpu') ?? 0;
  }
  return [
    [{}, { cpuShares: cpuShares(node.cpus * 1000), memoryLimit: node.memoryCapacity }],
    [{ qos: 'Burstable' }, { cpuShares: cpuShares(burstable) }],
    [{ qos: 'BestEffort' }, { cpuShares: cpuShares(0) }],
  ];
}
