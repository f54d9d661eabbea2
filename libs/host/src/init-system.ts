import { existsSync } from 'node:fs';

/** Whether systemd is process 1 of this machine: the folder is there exactly then (sd_booted). */
export function systemdRuns(folder = '/run/systemd/system'): boolean {
  return existsSync(folder);
}
