import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MemoryPolicy } from '../pod/memory-policy.js';
import { meminfo } from './machine.js';

const MOUNT = '/sys/fs/cgroup';

/** What the kernel of this machine can do with memory, and what the flags ask of it. Bytes. */
export function memoryPolicy(
  asked: Pick<MemoryPolicy, 'swap' | 'throttlingFactor' | 'reservation'>,
  capacity: number,
  allocatable: number,
): MemoryPolicy {
  const unified = existsSync(join(MOUNT, 'cgroup.controllers'));
  return {
    ...asked,
    unified,
    swapController: existsSync(unified ? ownSwapFile() : join(MOUNT, 'memory/memory.memsw.limit_in_bytes')),
    capacity,
    allocatable,
    swapCapacity: meminfo('SwapTotal'),
    pageSize: Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })),
  };
}

/** The root of the hierarchy has no such file; the agent's own cgroup has. */
function ownSwapFile(): string {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '';
  return join(MOUNT, own, 'memory.swap.max');
}

/** Sizes of huge pages as the kernel's files name them (`2MB`); none where it does not limit them by cgroup. */
export function hugepageSizes(): string[] {
  const controllers = join(MOUNT, 'cgroup.controllers');
  const unified = existsSync(controllers);
  const limited = unified
    ? readFileSync(controllers, 'utf8').split(/\s+/).includes('hugetlb')
    : existsSync(join(MOUNT, 'hugetlb'));
  const root = '/sys/kernel/mm/hugepages';
  if (!limited || !existsSync(root)) return [];
  return readdirSync(root)
    .map((name) => Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0))
    .filter((kilobytes) => kilobytes > 0)
    .map((kilobytes) => {
      if (kilobytes >= 1 << 20) return `${kilobytes >> 20}GB`;
      return kilobytes >= 1024 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`;
    });
}
