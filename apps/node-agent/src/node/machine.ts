import { readdirSync, readFileSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, release } from 'node:os';
import { bare } from '#apimachinery';
import { hasCapability } from '#host';

/** What of this machine goes into the Node object and does not change while it runs. */
export interface MachineFacts {
  cpus: number;
  /** Bytes. */
  memory: number;
  machineId: string;
  systemUuid: string;
  bootId: string;
  kernelVersion: string;
  osImage: string;
  /** Go's name of the processor. */
  architecture: string;
  /** Reserved huge pages in bytes by the resource's name. */
  hugepages: Record<string, number>;
}

export interface DiskUsage {
  capacity: number;
  available: number;
  inodes: number;
  inodesFree: number;
}

/** The node's own /etc/hosts, which pods on its network see. */
export function nodeHosts(): Promise<string> {
  return readFile('/etc/hosts', 'utf8');
}

export function readMachine(): MachineFacts {
  const architectures = bare<string>({ x64: 'amd64', ia32: '386' });
  return {
    cpus: availableParallelism(),
    memory: meminfo('MemTotal'),
    machineId: read('/etc/machine-id') || read('/var/lib/dbus/machine-id'),
    systemUuid: read('/sys/class/dmi/id/product_uuid').toLowerCase() || read('/etc/machine-id'),
    bootId: read('/proc/sys/kernel/random/boot_id'),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(read('/etc/os-release'))?.[1] ?? 'Linux',
    architecture: architectures[arch()] ?? arch(),
    hugepages: hugepages(),
  };
}

/** Bytes of one line of /proc/meminfo. */
export function meminfo(name: string): number {
  const escaped = name.replace(/[()]/g, '\\$&');
  const line = new RegExp(`^${escaped}:\\s+(\\d+) kB`, 'm').exec(read('/proc/meminfo'));
  return Number(line?.[1] ?? 0) * 1024;
}

/**
 * Bytes of memory that can be had: what is free and inactive pages of files, as kubelet counts, or what the kernel itself
 * estimates, if that is more: pages of files that were used lately are no reason to evict anybody.
 */
export function memoryAvailable(): number {
  return Math.max(meminfo('MemFree') + meminfo('Inactive(file)'), meminfo('MemAvailable'));
}

export async function diskUsage(path: string): Promise<DiskUsage> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(path);
  return { capacity: bsize * blocks, available: bsize * bavail, inodes: files, inodesFree: ffree };
}

/** Processes that run, and how many may. */
export function processCount(): { running: number; limit: number } {
  const running = Number(/\/(\d+)/.exec(read('/proc/loadavg'))?.[1] ?? 0);
  const limits = [read('/proc/sys/kernel/pid_max'), read('/proc/sys/kernel/threads-max')].map(Number);
  return { running, limit: Math.min(...limits.filter((limit) => limit > 0)) };
}

/**
 * The lowest oom_score_adj this process may give to others: its own, where it lacks CAP_SYS_RESOURCE (a container, a
 * user namespace); the runtime would fail to start anything below.
 */
export function minimumOomScore(): number {
  if (hasCapability('CAP_SYS_RESOURCE')) return -1000;
  return Number(read('/proc/self/oom_score_adj') || 0);
}

function hugepages(): Record<string, number> {
  const root = '/sys/kernel/mm/hugepages';
  const found: Record<string, number> = {};
  try {
    for (const name of readdirSync(root)) {
      const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
      if (!kilobytes) continue;
      const size =
        kilobytes >= 1 << 20 ? `${kilobytes >> 20}Gi` : kilobytes >= 1024 ? `${kilobytes >> 10}Mi` : `${kilobytes}Ki`;
      found[`hugepages-${size}`] = Number(read(`${root}/${name}/nr_hugepages`)) * kilobytes * 1024;
    }
  } catch {
    // A kernel without huge pages.
  }
  return found;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
