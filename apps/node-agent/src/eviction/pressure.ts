import { type PressureCondition, SIGNALS, type Signal, type Threshold } from '#settings';
import type { Filesystems } from '../node/filesystems.js';
import { requiredAmount } from '../node/thresholds.js';

export interface Observation {
  available: number;
  capacity: number;
}

export type Observations = Readonly<Record<Signal, Observation>>;

export interface NodeMeasure {
  /** Bytes. */
  memory: Observation;
  filesystems: Filesystems;
  processes: { running: number; limit: number };
}

export function observations({ memory, filesystems, processes }: NodeMeasure): Observations {
  const { node, image } = filesystems;
  return {
    'memory.available': memory,
    'nodefs.available': { available: node.available, capacity: node.capacity },
    'nodefs.inodesFree': { available: node.inodesFree, capacity: node.inodes },
    'imagefs.available': { available: image.available, capacity: image.capacity },
    'imagefs.inodesFree': { available: image.inodesFree, capacity: image.inodes },
    'pid.available': { available: processes.limit - processes.running, capacity: processes.limit },
  };
}

/** Pure: thresholds that are crossed, memory before all else. What has no capacity (inodes of btrfs) tells nothing. */
export function crossed(thresholds: readonly Threshold[], observed: Observations): Threshold[] {
  return thresholds
    .filter((threshold) => {
      const { available, capacity } = observed[threshold.signal];
      return capacity > 0 && available < requiredAmount(threshold, capacity);
    })
    .sort((a, b) => Number(b.signal === 'memory.available') - Number(a.signal === 'memory.available'));
}

/** By condition, when it was last seen to hold; ms. */
export type LastSeen = ReadonlyMap<PressureCondition, number>;

export function recordConditions(before: LastSeen, met: readonly Threshold[], now: number): LastSeen {
  return new Map([...before, ...met.map(({ signal }) => [SIGNALS[signal].condition, now] as const)]);
}

/** Kubelet's evictionPressureTransitionPeriod: a condition outlasts its cause, so that it does not come and go. */
const TRANSITION = 300_000;

export function activeConditions(seen: LastSeen, now: number): PressureCondition[] {
  return [...seen].filter(([, at]) => now - at < TRANSITION).map(([condition]) => condition);
}
