import { systemdRuns } from '#host';
import type { Settings } from '../settings.js';
import { CliError } from '../verb.js';

export type CgroupDriver = 'cgroupfs' | 'systemd';

/**
 * Who makes cgroups. Two that write the same tree disturb each other, so it is systemd wherever that runs. With a runtime
 * of the user's own the agent asks the runtime: undefined.
 */
export function cgroupDriver(
  { cgroupDriver: asked, containerRuntimeEndpoint }: Pick<Settings, 'cgroupDriver' | 'containerRuntimeEndpoint'>,
  systemd = systemdRuns(),
): CgroupDriver | undefined {
  if (asked === 'systemd' && !systemd) throw new CliError('--cgroup-driver: systemd does not run on this machine');
  if (asked !== 'auto') return asked;
  if (containerRuntimeEndpoint) return undefined;
  return systemd ? 'systemd' : 'cgroupfs';
}
