import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '#client';

interface Sysctl {
  path: string;
  value: string;
  why: string;
}

const SYSCTLS: readonly Sysctl[] = [
  { path: 'net/ipv4/ip_forward', value: '1', why: 'pods reach other nodes and the world through this one' },
  {
    path: 'net/bridge/bridge-nf-call-iptables',
    value: '1',
    why: 'a pod that calls a Service and lands on its own bridge gets its answer by the way it asked',
  },
  { path: 'net/ipv4/conf/all/route_localnet', value: '1', why: 'node ports answer on 127.0.0.1' },
];

/** Sets what the pod network needs of the kernel. What cannot be set is said, with what will not work. */
export function applySysctls(logger: Logger, root = '/proc/sys'): void {
  for (const { path, value, why } of SYSCTLS) {
    const file = join(root, path);
    try {
      if (!existsSync(file)) throw new Error('this kernel does not have it');
      if (readFileSync(file, 'utf8').trim() !== value) writeFileSync(file, value);
    } catch (error) {
      logger.warn('kernel setting cannot be made', { setting: path.replaceAll('/', '.'), value, needed: why, error });
    }
  }
}
