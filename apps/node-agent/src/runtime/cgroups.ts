import { loadNative } from '#host';
import type { CgroupLimits, CgroupOptions, CgroupPath, CgroupStats, Cgroups as NativeCgroups } from '#native/cgroups';

export type { CgroupLimits, CgroupPath, CgroupStats };

/** Who makes the cgroups of pods, and how the runtime weighs CPU in them. */
export interface CgroupSetup {
  driver: 'cgroupfs' | 'systemd';
  weightCurve: CgroupOptions['weightCurve'];
}

const MOUNT = '/sys/fs/cgroup';

/** The agent's part of the cgroup tree. */
export class Cgroups {
  private readonly native: NativeCgroups;

  /** `root`: where the tree of pods starts, below the mount; '' for the hierarchy's root. */
  constructor(root: string, setup: CgroupSetup, mount = MOUNT) {
    const { Cgroups: Native } = loadNative<typeof import('#native/cgroups')>('cgroups');
    this.native = new Native({ mount, root, ...setup });
  }

  /** Makes the cgroup where it is missing. */
  apply(cgroup: CgroupPath, limits: CgroupLimits): Promise<void> {
    return this.native.apply(cgroup, limits);
  }

  /** Kills what is still in it. */
  remove(cgroup: CgroupPath): Promise<void> {
    return this.native.remove(cgroup);
  }

  /** Leaves a cgroup that has processes or others below it. */
  removeIfEmpty(cgroup: CgroupPath): Promise<void> {
    return this.native.removeIfEmpty(cgroup);
  }

  /** As `remove`, for the root; it must not be the machine's. */
  removeRoot(): Promise<void> {
    return this.native.removeRoot();
  }

  removeRootIfEmpty(): Promise<void> {
    return this.native.removeRootIfEmpty();
  }

  /** The cgroup parent that the runtime is told for a pod. */
  runtimeParent(pod: CgroupPath): string {
    return this.native.runtimeParent(pod);
  }

  /** Undefined when the cgroup is gone. */
  async stats(cgroup: CgroupPath): Promise<CgroupStats | undefined> {
    return (await this.native.stats(cgroup)) ?? undefined;
  }
}
