import { spawnSync } from 'node:child_process';
import { ownValue } from '#apimachinery';
import type { CgroupSetup } from './cgroups.js';
import { CriError, type CriRuntime, GrpcCode } from './cri.js';
import type { CriRuntimeConfig } from './cri-types.js';

export type CgroupDriver = CgroupSetup['driver'];

/** The runtime would put containers where the agent does not look; one line for the user. */
export class CgroupDriverError extends Error {}

/** What the runtime says of itself; nothing where it does not tell. */
export interface RuntimeAnswer {
  driver?: CgroupDriver;
  /** The program that starts containers. */
  program?: string;
}

const ATTEMPTS = 3;
const RETRY = 2000;

/** The order of trust: the runtime's own word, then the flag, then kubelet's default. */
export function chooseDriver(flag: CgroupDriver | undefined, runtime: CgroupDriver | undefined): CgroupDriver {
  if (flag && runtime && flag !== runtime) {
    throw new CgroupDriverError(
      `--cgroup-driver: ${flag}, but the container runtime is configured for ${runtime}; they must be the same`,
    );
  }
  return runtime ?? flag ?? 'cgroupfs';
}

/** CRI's enumeration; an answer without a part for Linux says nothing. */
export function driverOf({ linux }: CriRuntimeConfig): CgroupDriver | undefined {
  if (!linux) return undefined;
  return linux.cgroupDriver === 1 ? 'cgroupfs' : 'systemd';
}

interface VerboseConfig {
  containerd?: {
    defaultRuntimeName?: string;
    runtimes?: Record<string, { options?: { SystemdCgroup?: boolean; BinaryName?: string } }>;
  };
}

/** containerd's verbose status has its configuration. Pure. */
export function fromVerboseStatus(config: string | undefined): RuntimeAnswer {
  if (!config) return {};
  const { containerd } = JSON.parse(config) as VerboseConfig;
  const runtime = ownValue(containerd?.runtimes, containerd?.defaultRuntimeName ?? '');
  if (!runtime) return {};
  const { SystemdCgroup: systemd, BinaryName: program } = runtime.options ?? {};
  return { driver: systemd ? 'systemd' : 'cgroupfs', program: program || 'runc' };
}

/** The first versions that weigh CPU by the new curve; text is what `--version` prints. Pure. */
export function weightCurveOf(text: string): CgroupSetup['weightCurve'] {
  const [, name, ...numbers] = /^(runc|crun) version (\d+)\.(\d+)(?:\.(\d+))?/m.exec(text) ?? [];
  const [major = 0, minor = 0, patch = 0] = numbers.map((number) => Number(number ?? 0));
  const since = name === 'crun' ? [1, 23, 0] : [1, 3, 2];
  const difference = [major - since[0]!, minor - since[1]!, patch - since[2]!].find((part) => part !== 0) ?? 0;
  return name && difference >= 0 ? 'quadratic' : 'linear';
}

/** Asks the runtime, and fails with one line when it and the flag disagree. */
export async function cgroupSetup(runtime: CriRuntime, flag: CgroupDriver | undefined): Promise<CgroupSetup> {
  const [configured, verbose] = [await askConfig(runtime), fromVerboseStatus(await runtime.verboseConfig())];
  const driver = chooseDriver(flag, configured ?? verbose.driver);
  const { stdout } = spawnSync(verbose.program ?? 'runc', ['--version'], { encoding: 'utf8' });
  return { driver, weightCurve: weightCurveOf(stdout ?? '') };
}

/** Older runtimes do not have the call. Other failures may pass. */
async function askConfig(runtime: CriRuntime): Promise<CgroupDriver | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return driverOf(await runtime.runtimeConfig());
    } catch (error) {
      if (error instanceof CriError && error.code === GrpcCode.Unimplemented) return undefined;
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }
}
