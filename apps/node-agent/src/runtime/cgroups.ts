import { loadNative } from '#host';
import type { CgroupLimits, CgroupPath, CgroupStats, Cgroups as NativeCgroups } from '#native/cgroups';

export type { CgroupLimits, CgroupPath, CgroupStats };

/** The agent's part of the cgroup tree. */
export class Cgroups {
  private readonly native: NativeCgroups;

  /** `root`: where the tree of pods starts, below the mount; '' for the hierarchy's root. */
  constructor(root: string, mount = '/sys/fs/cgroup') {
    const { Cgroups: Native } = loadNative<typeof import('#native/cgroups')>('cgroups');
    this.native = new Native(mount, root);
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
