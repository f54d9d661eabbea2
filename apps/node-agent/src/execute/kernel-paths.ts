// biome-ignore lint/style/noRestrictedImports: the files are the kernel's.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Container } from '../pod/pod.js';

/** What a runtime hides from containers that are not privileged: kubelet's list, which is moby's. */
const MASKED = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
const CPUS = '/sys/devices/system/cpu';
const CGROUPS = '/sys/fs/cgroup';

/** Files of the kernel that a container must not see, or not change. */
export interface KernelPaths {
  masked: readonly string[];
  readOnly: readonly string[];
}

/** What this machine has of them; `root` stands for `/`. Reads the disk. */
export function kernelPaths(root = '/'): KernelPaths {
  const has = (path: string) => existsSync(join(root, path));
  // They tell how hot each processor is, which gives away what others compute. A path that is not there cannot be masked.
  const throttles = (has(CPUS) ? readdirSync(join(root, CPUS)) : [])
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `${CPUS}/${name}/thermal_throttle`)
    .filter(has);
  // Of version 1 runc mounts the hierarchies read-only, but not the tmpfs that they lie in.
  const cgroups = has(`${CGROUPS}/cgroup.controllers`) ? [] : [CGROUPS];
  return { masked: [...MASKED, ...throttles], readOnly: [...READ_ONLY, ...cgroups] };
}

/**
 * Those for one container. What it mounts itself, or may mount itself, is its own: programs that run containers in
 * containers make folders below /sys/fs/cgroup.
 */
export function pathsFor(container: Container, { masked, readOnly }: KernelPaths): KernelPaths {
  const mounts = (container.volumeMounts ?? []).some(({ mountPath }) => `${mountPath}/`.startsWith(`${CGROUPS}/`));
  const mayMount = (container.securityContext?.capabilities?.add ?? []).some((name) =>
    ['ALL', 'SYS_ADMIN', 'CAP_SYS_ADMIN'].includes(name.toUpperCase()),
  );
  return { masked, readOnly: mounts || mayMount ? readOnly.filter((path) => path !== CGROUPS) : readOnly };
}
