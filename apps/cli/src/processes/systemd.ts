import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemdRuns } from '#host';
import type { Layout } from '../layout.js';
import { writePrivately } from '../up/private-files.js';
import { CliError } from '../verb.js';
import type { LogRequest, Processes, Unit, UnitStatus } from './processes.js';
import { environmentText, orderOf, serviceFile, targetFile, unitPrefix } from './systemd-unit-files.js';

const FOLDER = '/etc/systemd/system';

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
    private readonly folder = FOLDER,
  ) {
    this.prefix = unitPrefix(layout);
    this.target = `${this.prefix}.target`;
  }

  /** Whether `run` has made units here. */
  installed(): boolean {
    return existsSync(join(this.folder, this.target));
  }

  async status(): Promise<UnitStatus[] | undefined> {
    const names = this.names();
    if (names.length === 0) return undefined;
    const properties = 'Id,ActiveState,SubState,MainPID,NRestarts,Result';
    const shown = systemctl('show', `--property=${properties}`, ...names.map((name) => this.service(name)));
    const all = parseShown(shown, this.prefix);
    return all.every(({ state }) => state === 'stopped') ? undefined : all;
  }

  abandoned(): UnitStatus[] {
    return [];
  }

  async run(units: readonly Unit[]): Promise<void> {
    const services = units.map(({ name }) => this.service(name));
    const others = this.names().filter((name) => !units.some((unit) => unit.name === name));
    if (others.length > 0) systemctl('stop', ...others.map((name) => this.service(name)));
    for (const name of others) this.removeService(name);
    const changed = units.filter((unit) => this.writeService(unit, units)).map(({ name }) => this.service(name));
    writeFileSync(join(this.folder, this.target), targetFile(this.prefix, units), { mode: 0o644 });
    systemctl('daemon-reload');
    systemctl('--quiet', 'enable', this.target);
    if (changed.length > 0) systemctl('--no-block', 'restart', ...changed);
    // Those that wait for their restart start now.
    systemctl('--no-block', 'start', this.target, ...services);
  }

  async shutDown(): Promise<UnitStatus[] | undefined> {
    if (!this.installed()) return undefined;
    const before = await this.status();
    systemctl('--quiet', 'disable', this.target);
    systemctl('stop', this.target, ...this.names().map((name) => this.service(name)));
    return before;
  }

  remove(): void {
    for (const name of this.names()) this.removeService(name);
    rmSync(join(this.folder, this.target), { force: true });
    rmSync(join(this.folder, 'multi-user.target.wants', this.target), { force: true });
    if (systemdRuns()) systemctl('daemon-reload');
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

  /** Processes that have a unit file. */
  private names(): string[] {
    const pattern = new RegExp(`^${this.prefix}-([a-z]+)\\.service$`);
    return readdirSync(this.folder).flatMap((file) => pattern.exec(file)?.[1] ?? []);
  }

  private environmentFile(name: string): string {
    return join(this.layout.dataDir, 'units', `${name}.env`);
  }

  /** Whether it changed. */
  private writeService(unit: Unit, units: readonly Unit[]): boolean {
    const [file, environmentFile] = [join(this.folder, this.service(unit.name)), this.environmentFile(unit.name)];
    const after = orderOf(units).get(unit.name) ?? [];
    const text = serviceFile(unit, { prefix: this.prefix, after, environmentFile, runDir: this.layout.runDir });
    const environment = environmentText(unit.env);
    if (textOf(file) === text && textOf(environmentFile) === environment) return false;
    mkdirSync(join(this.layout.dataDir, 'units'), { recursive: true, mode: 0o700 });
    writePrivately(environmentFile, environment);
    writeFileSync(file, text, { mode: 0o644 });
    return true;
  }

  private removeService(name: string): void {
    rmSync(join(this.folder, this.service(name)), { force: true });
    rmSync(this.environmentFile(name), { force: true });
  }
}

/** What `systemctl show` says of services, a block of lines each. */
export function parseShown(text: string, prefix: string): UnitStatus[] {
  return text
    .trim()
    .split(/\n\n+/)
    .map((block) => {
      const of = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
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

function stateOf(active: string, sub: string): UnitStatus['state'] {
  if (sub === 'start-pre') return 'waiting';
  if (sub === 'auto-restart') return 'backoff';
  if (active === 'active') return 'running';
  return active === 'activating' ? 'waiting' : 'stopped';
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function systemctl(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status !== 0) throw new CliError(`systemctl ${args[0]}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}
