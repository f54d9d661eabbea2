import { systemdRuns } from '#host';
import { isRoot, type Layout } from '../layout.js';
import type { Settings } from '../settings.js';
import { CliError } from '../verb.js';
import type { Processes } from './processes.js';
import { Supervisor } from './supervisor.js';
import { Systemd } from './systemd.js';

export type Manager = Processes['manager'];

/** Who is to run the processes: what was asked for, or systemd for the machine's own Berth wherever it is process 1. */
export function managerOf(
  { dataDir }: Layout,
  { processManager: asked }: Pick<Settings, 'processManager'>,
  { systemd, root } = { systemd: systemdRuns(), root: isRoot },
): Manager {
  if (asked === 'systemd') {
    if (!systemd) throw new CliError('--process-manager: systemd does not run on this machine');
    if (!root) throw new CliError('--process-manager: systemd needs root');
  }
  if (asked !== 'auto') return asked;
  return systemd && root && dataDir === '/var/lib/berth' ? 'systemd' : 'supervisor';
}

/** Who runs the processes now, or ran them last. */
export function processesOf(layout: Layout): Processes {
  const systemd = new Systemd(layout);
  return systemd.installed() && systemdRuns() ? systemd : new Supervisor(layout);
}

/** Removes the files of units that systemd is not there to run. */
export function removeSystemdUnits(layout: Layout): void {
  const systemd = new Systemd(layout);
  if (systemd.installed()) systemd.remove();
}

/** Ends what the other one runs, if that is in charge, and returns the one that is to run processes from now on. */
export async function takeCharge(layout: Layout, manager: Manager): Promise<Processes> {
  const before = processesOf(layout);
  if (before.manager === manager) return before;
  await before.shutDown();
  before.remove();
  return manager === 'systemd' ? new Systemd(layout) : new Supervisor(layout);
}
