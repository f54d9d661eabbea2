import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../../pod/pod.js';
import type { CgroupDriver } from '../../runtime/cgroup-driver.js';

export const DRIVERS = ['cgroupfs', 'systemd'] as const satisfies readonly CgroupDriver[];

export const MOUNT = '/sys/fs/cgroup';
export const unified = existsSync(join(MOUNT, 'cgroup.controllers'));

export type Qos = '' | 'burstable' | 'besteffort';
/** How a runtime makes cpu.weight of cpu.shares: runc from 1.3.2 and crun from 1.23 take the second. */
export type Curve = 'linear' | 'quadratic';

/** Both curves, worked out by hand. */
const WEIGHTS: Record<number, Record<Curve, number>> = {
  2: { linear: 1, quadratic: 1 },
  256: { linear: 10, quadratic: 35 },
};

/** Where kubelet has the cgroups of pods with a driver, and what stands in their files. */
export class CgroupFiles {
  constructor(
    private readonly driver: CgroupDriver,
    private readonly curve: Curve,
  ) {}

  /** Of a class, or of a pod in it. */
  path(qos: Qos, uid?: string): string {
    const parts = ['kubepods', ...(qos ? [qos] : []), ...(uid ? [`pod${uid}`] : [])];
    if (this.driver === 'cgroupfs') return parts.join('/');
    const escaped = parts.map((part) => part.replaceAll('-', '_'));
    return escaped.map((_, index) => `${escaped.slice(0, index + 1).join('-')}.slice`).join('/');
  }

  /** Of the pod's first container. crun makes a cgroup of its own in the scope, in which all processes are. */
  ofContainer(qos: Qos, pod: Pod): string {
    const id = pod.status.containerStatuses![0]!.containerID!.split('//')[1]!;
    const parent = this.path(qos, pod.metadata.uid);
    const path = join(parent, this.driver === 'cgroupfs' ? id : `cri-containerd-${id}.scope`);
    return existsSync(join(this.folder('memory', path), 'container')) ? join(path, 'container') : path;
  }

  folder(controller: string, path: string): string {
    return unified ? join(MOUNT, path) : join(MOUNT, controller, path);
  }

  read(controller: string, path: string, file: string): string {
    return readFileSync(join(this.folder(controller, path), file), 'utf8').trim();
  }

  /** One number of a file that has a name and a number in each line. */
  counter(controller: string, path: string, file: string, name: string): number {
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(this.read(controller, path, file))?.[1]);
  }

  /** Numbers of the kernel for the limits of a cgroup, whichever hierarchy they are in. */
  limits(path: string) {
    const [quota] = unified
      ? this.read('cpu', path, 'cpu.max').split(' ')
      : [this.read('cpu', path, 'cpu.cfs_quota_us')];
    return {
      memory: this.read('memory', path, unified ? 'memory.max' : 'memory.limit_in_bytes'),
      quota: quota === '-1' ? 'max' : quota,
      weight: this.read('cpu', path, unified ? 'cpu.weight' : 'cpu.shares'),
      processes: this.read('pids', path, 'pids.max'),
    };
  }

  /** Requests as they stand in the kernel. */
  weight(shares: 2 | 256): string {
    return String(unified ? WEIGHTS[shares]![this.curve] : shares);
  }

  /** Where the hierarchy of memory has the first process of each container of a burstable pod. */
  ofProcesses(pod: Pod): string[] {
    const folder = this.folder('memory', this.path('burstable', pod.metadata.uid));
    const processes = readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ parentPath, name }) => readFileSync(join(parentPath, name, 'cgroup.procs'), 'utf8').split('\n'))
      .filter(Boolean);
    return processes.map((id) => {
      const table = readFileSync(`/proc/${id}/cgroup`, 'utf8');
      return (unified ? /^0::(.*)$/m : /:memory:(.*)$/m).exec(table)![1]!;
    });
  }
}
