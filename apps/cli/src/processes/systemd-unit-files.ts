import { createHash } from 'node:crypto';
import type { Layout } from '../layout.js';
import type { Unit } from './processes.js';

const DEFAULT_STOP_SECONDS = 15;
/** The run directory that systemd makes anew after a reboot. */
const SYSTEM_RUN_DIR = '/run/berth';

/** What the names of the units begin with: `berth`, and for a data directory of the user's own a hash of its path. */
export function unitPrefix({ dataDir }: Pick<Layout, 'dataDir'>): string {
  if (dataDir === '/var/lib/berth') return 'berth';
  return `berth-${createHash('sha256').update(dataDir).digest('hex').slice(0, 8)}`;
}

/** The unit that starts all others when the machine starts. */
export function targetFile(prefix: string, units: readonly Unit[]): string {
  const wants = units.map(({ name }) => `${prefix}-${name}.service`).join(' ');
  return `[Unit]
Description=Berth
Wants=${wants}

[Install]
WantedBy=multi-user.target
`;
}

/**
 * The unit file of one process. What stands in `environmentFile` is read by root alone: everybody can read unit files.
 * systemd ends units in the reverse of their order, so the server can still write while it stops.
 */
export function serviceFile(
  unit: Unit,
  {
    prefix,
    after,
    environmentFile,
    runDir,
  }: { prefix: string; after: readonly string[]; environmentFile: string; runDir: string },
): string {
  const waits = (unit.requires ?? []).map(
    (path) => `ExecStartPre=/bin/sh -c ${quoted('until [ -e "$0" ]; do sleep 0.05; done')} ${quoted(path)}\n`,
  );
  const runtimeDirectory =
    runDir === SYSTEM_RUN_DIR
      ? 'RuntimeDirectory=berth\nRuntimeDirectoryMode=0711\nRuntimeDirectoryPreserve=yes\n'
      : '';
  return `# Revision: ${unit.revision ?? ''}
[Unit]
Description=Berth: ${unit.name}
PartOf=${prefix}.target
Wants=network-online.target
After=network-online.target ${after.map((name) => `${prefix}-${name}.service`).join(' ')}
StartLimitIntervalSec=0

[Service]
Type=exec
${environmentLine(environmentFile)}
${waits.join('')}ExecStart=${unit.argv.map(quoted).join(' ')}
TimeoutStartSec=infinity
Restart=always
RestartSec=1
KillSignal=SIG${unit.stopSignal ?? 'TERM'}
KillMode=${unit.keepsChildren ? 'process' : 'mixed'}
TimeoutStopSec=${unit.stopSeconds ?? DEFAULT_STOP_SECONDS}
Delegate=${unit.keepsChildren ? 'yes' : 'no'}
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=524288
${runtimeDirectory}SyslogIdentifier=${prefix}-${unit.name}
`;
}

/** It names the data directory, so it also tells whose unit a file is. */
export function environmentLine(environmentFile: string): string {
  return `EnvironmentFile=${environmentFile.replaceAll('%', '%%')}`;
}

/** The variable that tells which form of its unit a process was started with. */
const FORM = 'BERTH_UNIT';

/** Adds to `environment` the form of the unit: another one when the file or a variable is another. */
export function withForm(environment: string, file: string): { text: string; form: string } {
  const form = createHash('sha256').update(file).update('\0').update(environment).digest('hex').slice(0, 32);
  return { text: `${environment}${FORM}="${form}"\n`, form };
}

/** The form that a process with this `/proc/PID/environ` was started with. */
export function formIn(environ: string): string | undefined {
  const variable = environ.split('\0').find((text) => text.startsWith(`${FORM}=`));
  return variable?.slice(FORM.length + 1);
}

/** The variables of one process, as systemd.exec(5) reads them. */
export function environmentText(env: Readonly<Record<string, string>> = {}): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}="${value.replace(/["\\$`]/g, '\\$&')}"\n`)
    .join('');
}

/** Units that nothing has to wait for are before those that come later. */
export function orderOf(units: readonly Unit[]): Map<string, string[]> {
  const early: string[] = [];
  const order = new Map<string, string[]>();
  for (const { name, requires = [] } of units) {
    order.set(name, [...early]);
    if (requires.length === 0) early.push(name);
  }
  return order;
}

/** One argument of a command line in a unit file: no variables, no specifiers. systemd.service(5), "Command lines". */
function quoted(argument: string): string {
  const escaped = argument
    .replace(/[\\"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$');
  return `"${escaped}"`;
}
