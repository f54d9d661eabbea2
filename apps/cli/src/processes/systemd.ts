import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemdRuns } from '#host';
import type { Layout } from '../layout.js';
import { writePrivately } from '../up/private-files.js';
import { CliError } from '../verb.js';
import type { LogRequest, Processes, Unit, UnitStatus } from './processes.js';
import {
  environmentLine,
  environmentText,
  formIn,
  orderOf,
  serviceFile,
  targetFile,
  unitPrefix,
  withForm,
} from './systemd-unit-files.js';

/** What it takes of the machine. */
export interface SystemdHost {
  folder: string;
  /** Runs the program and returns its standard output. Throws CliError. */
  systemctl(...args: string[]): string;
  /** `/proc/PID/environ`; undefined when there is no such process. */
  environ(pid: number): string | undefined;
}

const thisMachine: SystemdHost = {
  folder: '/etc/systemd/system',
  systemctl,
  environ: (pid) => textOf(`/proc/${pid}/environ`),
};

/**
 * Processes as units of systemd: a service each, and a target that starts them with the machine, from `up` to `down`. Logs are
 * in the journal.
 */
export class Systemd implements Processes {
  readonly manager = 'systemd';
  private readonly prefix: string;
  private readonly target: string;

  constructor(
    private readonly layout: Layout,
    private readonly host = thisMachine,
  ) {
    this.prefix = unitPrefix(layout);
    this.target = `${this.prefix}.target`;
  }

  /** Whether `run` has made units here. */
  installed(): boolean {
    return existsSync(join(this.host.folder, this.target));
  }

  async status(): Promise<UnitStatus[] | undefined> {
    const names = this.names();
    if (names.length === 0) return undefined;
    const properties = 'Id,ActiveState,SubState,MainPID,NRestarts,Result';
    const shown = this.host.systemctl('show', `--property=${properties}`, ...names.map((name) => this.service(name)));
    const all = parseShown(shown, this.prefix);
    return all.every(({ state }) => state === 'stopped') ? undefined : all;
  }

  abandoned(): UnitStatus[] {
    return [];
  }

  async run(units: readonly Unit[]): Promise<void> {
    const services = units.map(({ name }) => this.service(name));
    for (const { name } of units) this.refuseForeign(name);
    const others = this.names().filter((name) => !units.some((unit) => unit.name === name));
    if (others.length > 0) this.host.systemctl('stop', ...others.map((name) => this.service(name)));
    for (const name of others) this.removeService(name);
    const forms = new Map(units.map((unit) => [this.service(unit.name), this.writeService(unit, units)]));
    writeFileSync(join(this.host.folder, this.target), targetFile(this.prefix, units), { mode: 0o644 });
    this.host.systemctl('daemon-reload');
    this.host.systemctl('--quiet', 'enable', this.target);
    const outdated = this.outdated(forms);
    if (outdated.length > 0) this.host.systemctl('--no-block', 'restart', ...outdated);
    // Those that wait for their restart start now.
    this.host.systemctl('--no-block', 'start', this.target, ...services);
  }

  /**
   * Services whose processes were started with another form of their unit. The files do not tell: an `up` that was interrupted
   * may have written them and restarted nothing.
   */
  private outdated(forms: ReadonlyMap<string, string>): string[] {
    const shown = this.host.systemctl('show', '--property=Id,MainPID,ControlPID', ...forms.keys());
    return blocksOf(shown).flatMap((of) => {
      // The second one waits for what the service requires.
      const pid = Number(of.get('MainPID')) || Number(of.get('ControlPID'));
      const service = of.get('Id') ?? '';
      return pid > 0 && formIn(this.host.environ(pid) ?? '') !== forms.get(service) ? [service] : [];
    });
  }

  async shutDown(): Promise<UnitStatus[] | undefined> {
    if (!this.installed()) return undefined;
    const before = await this.status();
    this.host.systemctl('--quiet', 'disable', this.target);
    this.host.systemctl('stop', this.target, ...this.names().map((name) => this.service(name)));
    return before;
  }

  remove(): void {
    for (const name of this.names()) this.removeService(name);
    rmSync(join(this.host.folder, this.target), { force: true });
    rmSync(join(this.host.folder, 'multi-user.target.wants', this.target), { force: true });
    if (systemdRuns()) this.host.systemctl('daemon-reload');
  }

  logPlace(unit: string): string {
    return `journalctl -u ${this.service(unit)}`;
  }

  lastLine(unit: string): string {
    const command = ['-u', this.service(unit), '-t', `${this.prefix}-${unit}`, '-n', '1', '-o', 'cat', '--no-pager'];
    return (spawnSync('journalctl', command, { encoding: 'utf8' }).stdout ?? '').trim();
  }

  logCommand({ units, lines, follow }: LogRequest): string[] {
    const named = units.flatMap((unit) => ['-u', this.service(unit)]);
    return ['journalctl', ...named, '-n', `${lines}`, '--no-pager', ...(follow ? ['-f'] : [])];
  }

  private service(name: string): string {
    return `${this.prefix}-${name}.service`;
  }

  /** Processes that have a unit file of ours. Others may have given their units names that begin like ours. */
  private names(): string[] {
    const pattern = new RegExp(`^${this.prefix}-([a-z]+)\\.service$`);
    const named = readdirSync(this.host.folder).flatMap((file) => pattern.exec(file)?.[1] ?? []);
    return named.filter((name) => this.isOurs(name));
  }

  private isOurs(name: string): boolean {
    const text = textOf(join(this.host.folder, this.service(name))) ?? '';
    return text.split('\n').includes(environmentLine(this.environmentFile(name)));
  }

  private refuseForeign(name: string): void {
    const path = join(this.host.folder, this.service(name));
    if (existsSync(path) && !this.isOurs(name)) throw new CliError(`${path} is not a unit of ${this.layout.dataDir}`);
  }

  private environmentFile(name: string): string {
    return join(this.layout.dataDir, 'units', `${name}.env`);
  }

  /** Returns the form of the unit. */
  private writeService(unit: Unit, units: readonly Unit[]): string {
    const environmentFile = this.environmentFile(unit.name);
    const after = orderOf(units).get(unit.name) ?? [];
    const text = serviceFile(unit, { prefix: this.prefix, after, environmentFile, runDir: this.layout.runDir });
    const environment = withForm(environmentText(unit.env), text);
    mkdirSync(join(this.layout.dataDir, 'units'), { recursive: true, mode: 0o700 });
    writePrivately(environmentFile, environment.text);
    writeFileSync(join(this.host.folder, this.service(unit.name)), text, { mode: 0o644 });
    return environment.form;
  }

  private removeService(name: string): void {
    rmSync(join(this.host.folder, this.service(name)), { force: true });
    rmSync(this.environmentFile(name), { force: true });
  }
}

/** What `systemctl show` says of services, a block of lines each. */
export function parseShown(text: string, prefix: string): UnitStatus[] {
  return blocksOf(text).map((of) => {
    const [active = '', sub = '', result = ''] = [of.get('ActiveState'), of.get('SubState'), of.get('Result')];
    return {
      name: (of.get('Id') ?? '').slice(prefix.length + 1).replace(/\.service$/, ''),
      state: stateOf(active, sub),
      pid: stateOf(active, sub) === 'running' ? Number(of.get('MainPID')) : 0,
      restarts: Number(of.get('NRestarts')),
      message: result === 'success' ? '' : result,
    };
  });
}

function blocksOf(text: string): Map<string, string>[] {
  const fieldOf = (line: string) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const;
  return text
    .trim()
    .split(/\n\n+/)
    .map((block) => new Map(block.split('\n').map(fieldOf)));
}

function stateOf(active: string, sub: string): UnitStatus['state'] {
  if (sub === 'start-pre') return 'waiting';
  if (sub === 'auto-restart') return 'backoff';
  if (active === 'active') return 'running';
  return active === 'activating' ? 'waiting' : 'stopped';
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function systemctl(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status !== 0) throw new CliError(`systemctl ${args[0]}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}
