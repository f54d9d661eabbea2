import { loadNative } from '#host';
import type { SchedCore } from '#native/sched-core';
import { SchedulerPlugins } from './scheduler-plugins.js';

/** NodeResourcesFit's scoring strategy; absent: LeastAllocated, CPU and memory alike. */
export interface ScoringStrategy {
  type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
  cpuWeight?: number;
  memoryWeight?: number;
  /** Utilization in percent, score 0 to 10. */
  shape?: { utilization: number; score: number }[];
}

const load = () => loadNative<typeof import('#native/sched-core')>('sched-core');

/** `seed` fixes how ties between equally good nodes are broken. */
export function createSchedCore(seed: number, scoring?: ScoringStrategy): SchedCore {
  return new (load().SchedCore)(seed, scoring ? JSON.stringify(scoring) : '');
}

/** The core's plugins. Throws when one declares an event that is not known here. */
export function nativePlugins(): SchedulerPlugins {
  return new SchedulerPlugins(load().plugins());
}
