import type { MemoryPolicy } from '../pod/memory-policy.js';

/** A node with cgroup v1, as most tests take it. */
export const LEGACY: MemoryPolicy = {
  unified: false,
  swapController: true,
  swap: 'NoSwap',
  throttlingFactor: undefined,
  reservation: 'None',
  capacity: 1000 << 20,
  allocatable: 800 << 20,
  swapCapacity: 100 << 20,
  pageSize: 4096,
};

export const UNIFIED: MemoryPolicy = { ...LEGACY, unified: true };
