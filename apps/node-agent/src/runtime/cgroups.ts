import { loadNative } from '#host';

/** Absent fields leave the kernel's value; -1 is no limit. */
export interface CgroupLimits {
  cpuShares?: number;
  /** Microseconds. */
  cpuQuota?: number;
  cpuPeriod?: number;
  /** Bytes. */
  memoryLimit?: number;
  pidsLimit?: number;
}

export interface CgroupStats {
  cpuUsageNanoseconds: number;
  memoryUsageBytes: number;
  memoryWorkingSetBytes: number;
  memoryRssBytes: number;
  memoryPageFaults: number;
  memoryMajorPageFaults: number;
  processes: number;
}

interface NativeCgroups {
  readonly version: number;
  apply(path: string, resources: string): void;
  exists(path: string): boolean;
  remove(path: string): Promise<void>;
  removeIfEmpty(path: string): void;
  children(path: string): string[];
  stats(path: string): string | null;
}

/** The agent's part of the cgroup tree. Paths are relative to its root: `kubepods/burstable/pod<uid>`. */
export class Cgroups {
  private readonly native: NativeCgroups;

  constructor(
    /** Below the mount; '' for the hierarchy's root. */
    private readonly root: string,
    mount = '/sys/fs/cgroup',
  ) {
    const { Cgroups: Native } = loadNative<{ Cgroups: new (mount: string, prefix: string) => NativeCgroups }>(
      'cgroups',
    );
    this.native = new Native(mount, root);
  }

  get version(): number {
    return this.native.version;
  }

  apply(path: string, limits: CgroupLimits): void {
    this.native.apply(path, JSON.stringify(limits));
  }

  exists(path: string): boolean {
    return this.native.exists(path);
  }

  /** Kills what is still in it. */
  remove(path: string): Promise<void> {
    return this.native.remove(path);
  }

  /** Leaves a cgroup that has processes or others below it. */
  removeIfEmpty(path: string): void {
    this.native.removeIfEmpty(path);
  }

  children(path: string): string[] {
    return this.native.children(path);
  }

  /** How the runtime is told of a cgroup: absolute within the hierarchy. */
  runtimePath(path: string): string {
    return `/${[this.root, path].filter(Boolean).join('/')}`;
  }

  /** Of a cgroup of ours, or of the whole machine for '/'. */
  stats(path: string): CgroupStats | undefined {
    const text = this.native.stats(path === '/' ? '' : this.runtimePath(path));
    return text ? (JSON.parse(text) as CgroupStats) : undefined;
  }
}
