import type { Signal } from '#settings';
import type { Pod } from '../pod/pod.js';
import { requestOf } from '../pod/shortage.js';
import { type FileUsage, type PodUsage, totalOf } from './pod-usage.js';

export interface Candidate {
  pod: Pod;
  /** Undefined when it could not be measured: such a pod goes first, as upstream has it. */
  usage: PodUsage | undefined;
}

/**
 * Pure: in the order in which pods go when the signal is low. First those that use more than they asked for, then those of
 * lower priority, then those furthest above their request.
 */
export function rankForEviction<T extends Candidate>(
  candidates: readonly T[],
  signal: Signal,
  imageIsApart: boolean,
): T[] {
  const ranked = candidates.map((candidate) => {
    const { pod, usage } = candidate;
    const priority = pod.spec.priority ?? 0;
    const excess = usage ? excessOf(pod, usage, signal, imageIsApart) : Number.POSITIVE_INFINITY;
    // Nobody asks for processes: there priority comes first.
    return { candidate, priority, excess, exceeds: signal === 'pid.available' ? Number(!usage) : Number(excess > 0) };
  });
  ranked.sort((a, b) => b.exceeds - a.exceeds || a.priority - b.priority || compareExcess(a.excess, b.excess));
  return ranked.map(({ candidate }) => candidate);
}

function compareExcess(a: number, b: number): number {
  return a === b ? 0 : b - a;
}

function excessOf(pod: Pod, usage: PodUsage, signal: Signal, imageIsApart: boolean): number {
  switch (signal) {
    case 'memory.available':
      return usage.memory - requestOf(pod, 'memory');
    case 'pid.available':
      return usage.processes;
    case 'nodefs.available':
    case 'imagefs.available':
      return filesOn(signal, usage, imageIsApart).bytes - requestOf(pod, 'ephemeral-storage');
    case 'nodefs.inodesFree':
    case 'imagefs.inodesFree':
      return filesOn(signal, usage, imageIsApart).inodes;
  }
}

/** What of the pod lies on the disk that is full. */
function filesOn(signal: Signal, { containers, volumes }: PodUsage, imageIsApart: boolean): FileUsage {
  const written = containers.map(({ rootfs }) => rootfs);
  const own = [...containers.map(({ logs }) => logs), ...volumes.values()];
  if (!imageIsApart) return totalOf([...written, ...own]);
  return totalOf(signal.startsWith('imagefs') ? written : own);
}
