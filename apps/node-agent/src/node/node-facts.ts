import type { MemoryPolicy } from '../pod/memory-policy.js';
import type { ResourceList } from '../pod/pod.js';

/** What steps must know of the node; it does not change while the agent runs. */
export interface NodeFacts {
  name: string;
  hostIPs: string[];
  allocatable: ResourceList;
  /** Bytes. */
  memoryCapacity: number;
  minimumOomScore: number;
  /** Processes a pod may have; 0 is no limit. */
  podPidsLimit: number;
  memoryPolicy: MemoryPolicy;
  /** Sizes of huge pages, as the kernel's files name them, where it limits them by cgroup. */
  pageSizes: readonly string[];
}
