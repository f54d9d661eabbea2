import { loadNative } from '#host';
import type { CgroupLimits, CgroupOptions, CgroupPath, CgroupStats, Cgroups as NativeCgroups } from '#native/cgroups';

export type { CgroupLimits, CgroupPath, CgroupStats };

/** Who makes the cgroups of pods, and how the runtime weighs CPU in them. */
export interface CgroupSetup {
  driver: 'cgroupfs' | 'systemd';
  weightCurve: CgroupOptions['weightCurve'];
}

const MOUNT = '/sys/fs/cgroup';

/** As metrics name them. */
export const CGROUP_OPERATIONS = ['create', 'update', 'destroy'] as const;
export type CgroupOperation = (typeof CGROUP_OPERATIONS)[number];

/** What the agent asks of the tree for its pods. */
export type PodCgroups = Pick<
  Cgroups,
  'version' | 'create' | 'apply' | 'remove' | 'runtimeParent' | 'stats' | 'onDone'
>;

/** The agent's part of the cgroup tree. */
export class Cgroups {
  private readonly native: NativeCgroups;
  /** Told how long an operation took. Milliseconds. */
  onDone: (operation: CgroupOperation, ms: number) => void = () => {};

  /** `root`: where the tree of pods starts, below the mount; '' for the hierarchy's root. */
  constructor(root: string, setup: CgroupSetup, mount = MOUNT) {
    const { Cgroups: Native } = loadNative<typeof import('#native/cgroups')>('cgroups');
    this.native = new Native({ mount, root, ...setup });
  }

  /** 1, also for a hybrid system, or 2. */
  get version(): number {
    return this.native.version;
  }

  /** Makes the cgroup with its limits; one that exists gets them. */
  create(cgroup: CgroupPath, limits: CgroupLimits): Promise<void> {
    return this.measured('create', this.native.apply(cgroup, limits));
  }

  /** Changes limits, and makes the cgroup where it is missing. */
  apply(cgroup: CgroupPath, limits: CgroupLimits): Promise<void> {
    return this.measured('update', this.native.apply(cgroup, limits));
  }

  /** Kills what is still in it. */
  remove(cgroup: CgroupPath): Promise<void> {
    return this.measured('destroy', this.native.remove(cgroup));
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

  private async measured(operation: CgroupOperation, work: Promise<void>): Promise<void> {
    const begun = performance.now();
    try {
      await work;
    } finally {
      this.onDone(operation, performance.now() - begun);
    }
  }
}
