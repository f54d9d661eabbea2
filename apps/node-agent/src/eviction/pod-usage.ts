import type { PodFailure } from '../pod/pod-memory.js';

/** Of files. */
export interface FileUsage {
  bytes: number;
  inodes: number;
}

export interface ContainerUsage {
  name: string;
  /** Working set in bytes; undefined when the runtime does not tell. */
  memory?: number;
  /** What the container wrote beside its volumes. */
  rootfs: FileUsage;
  logs: FileUsage;
}

/** What one pod uses of the node. */
export interface PodUsage {
  /** Working set in bytes. */
  memory: number;
  processes: number;
  containers: ContainerUsage[];
  /** emptyDir volumes on disk, by name. */
  volumes: Map<string, FileUsage>;
}

export function totalOf(parts: Iterable<FileUsage>): FileUsage {
  const sum = { bytes: 0, inodes: 0 };
  for (const { bytes, inodes } of parts) {
    sum.bytes += bytes;
    sum.inodes += inodes;
  }
  return sum;
}

/** Seconds: an evicted pod has to go quickly. */
const GRACE = 1;

export function evicted(message: string, disruption?: string): PodFailure {
  return { reason: 'Evicted', message, graceSeconds: GRACE, ...(disruption ? { disruption } : {}) };
}
