import { readFileSync } from 'node:fs';
import { parseFlags, usage } from '#settings';
import { processesOf } from './processes/in-charge.js';
import { dataDirFlag, dataDirOf, loadSettings } from './settings.js';
import { waitForApi, waitForNode } from './up/wait.js';
import type { Verb } from './verb.js';

export const status: Verb = {
  async run(args) {
    const { values } = parseFlags([dataDirFlag], args);
    if (values.help) {
      process.stdout.write(
        usage(
          'berth status [flags]',
          'Exit code 0 when everything runs and is ready, 3 when Berth is down, 1 when something is wrong.',
          [dataDirFlag],
        ),
      );
      return 0;
    }
    const layout = dataDirOf(values);
    const processes = processesOf(layout);
    const supervised = await processes.status();
    const units = supervised ?? processes.abandoned();
    const settings = loadSettings(layout);
    if ((!supervised && units.length === 0) || !settings) {
      console.log(`Berth is down (data directory ${layout.dataDir}).`);
      return 3;
    }
    console.log(['UNIT'.padEnd(12), 'STATE'.padEnd(9), 'PID'.padEnd(8), 'RESTARTS'.padEnd(9), 'MEMORY'].join(''));
    for (const unit of units) {
      const memory = unit.pid ? `${residentMegabytes(unit.pid)} MB` : unit.message;
      console.log(
        [
          unit.name.padEnd(12),
          unit.state.padEnd(9),
          String(unit.pid || '-').padEnd(8),
          String(unit.restarts).padEnd(9),
          memory,
        ].join(''),
      );
    }
    if (!supervised)
      console.log(
        'supervisor: it was killed, so nothing restarts processes that end; start a new one with: npm run up',
      );
    const soon = () => Date.now() + 2000;
    const checks: [string, () => Promise<void>][] = [['API', () => waitForApi(layout, settings, soon())]];
    if (settings.node) checks.push([`node ${settings.nodeName}`, () => waitForNode(layout, settings, soon())]);
    let well = supervised !== undefined && units.every((unit) => unit.state === 'running');
    for (const [name, check] of checks) {
      const problem = await check().then(
        () => undefined,
        (error: Error) => error.message,
      );
      console.log(`${name}: ${problem ?? 'ready'}`);
      well &&= problem === undefined;
    }
    return well ? 0 : 1;
  },
};

/** Proportional set size: shared pages are counted by the share that falls to the process. */
function residentMegabytes(pid: number): string {
  try {
    const kilobytes = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
    return (kilobytes / 1024).toFixed(0);
  } catch {
    return '?';
  }
}
