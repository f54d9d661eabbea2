import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nativeProgram } from '#host';
import type { Layout } from '../layout.js';
import { closeFolders, writePrivately } from '../up/private-files.js';
import { CliError } from '../verb.js';
import type { LogRequest, Processes, Unit, UnitStatus } from './processes.js';

type Request = { do: 'status' } | { do: 'apply' } | { do: 'shutdown' };

const NOBODY_LISTENS = new Set(['ENOENT', 'ECONNREFUSED', 'EINVAL']);
/** A supervisor that ends closes connections that it has not answered. It is given so long, in milliseconds, to be gone. */
const END_MS = 5_000;
const AGAIN_MS = 50;
/**
 * A new supervisor answers once it has ended what its predecessor left, one process after the other. It is given so many
 * milliseconds more than these have together (`stopSeconds` in units.ts).
 */
const START_MS = 30_000;
/** As in native/supervisor/src/config.rs. */
const DEFAULT_STOP_SECONDS = 15;

/** Processes under berth-supervisor, which `run` starts where none answers. Logs are files. */
export class Supervisor implements Processes {
  readonly manager = 'supervisor';

  constructor(private readonly layout: Layout) {}

  status(): Promise<UnitStatus[] | undefined> {
    return ask(this.layout, { do: 'status' });
  }

  /** It was killed: the next one adopts the units that are configured as they were, and ends the others. */
  abandoned(): UnitStatus[] {
    return recorded(this.layout);
  }

  async run(units: readonly Unit[]): Promise<void> {
    writeConfig(this.layout, units);
    // Also when the file stays the same: an `up` that was interrupted may have written it and told nobody.
    if (!(await ask(this.layout, { do: 'apply' }))) await start(this.layout);
  }

  async shutDown(): Promise<UnitStatus[] | undefined> {
    const stopped = await ask(this.layout, { do: 'shutdown' });
    if (stopped) return stopped;
    const left = this.abandoned();
    if (left.length === 0) return undefined;
    // A supervisor that is to run nothing ends what runs, before it answers for the first time.
    writeConfig(this.layout, []);
    await start(this.layout);
    await ask(this.layout, { do: 'shutdown' });
    return left;
  }

  remove(): void {
    // All of it is in the folders of the layout.
  }

  logPlace(unit: string): string {
    return join(this.layout.logDir, `${unit}.log`);
  }

  lastLine(unit: string): string {
    const log = this.logPlace(unit);
    if (!existsSync(log)) return '';
    return readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  }

  logCommand({ units, lines, follow }: LogRequest): string[] {
    return ['tail', '-n', `${lines}`, ...(follow ? ['-F'] : []), ...units.map((unit) => this.logPlace(unit))];
  }
}

interface Answer {
  error?: string;
  units: UnitStatus[];
}

/** Asks the supervisor; undefined when none is running. One that is to shut down has ended when this resolves. */
async function ask(layout: Layout, request: Request, deadline = Infinity): Promise<UnitStatus[] | undefined> {
  const begun = Date.now();
  for (;;) {
    const outcome = await converse(layout.supervisorSocket, request, deadline);
    if (outcome === 'nobody') return undefined;
    if (outcome !== 'closed') {
      if (outcome.error) throw new CliError(`the supervisor reports: ${outcome.error}`);
      return outcome.units;
    }
    if (Date.now() - begun > END_MS) {
      throw new CliError(
        `the supervisor at ${layout.supervisorSocket} closes the connection without an answer; see ${supervisorLog(layout)}`,
      );
    }
    await sleep(AGAIN_MS);
  }
}

/** One attempt. `closed`: it was there, and gave no answer. */
function converse(path: string, request: Request, deadline: number): Promise<Answer | 'nobody' | 'closed'> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    let answer: Answer | undefined;
    const late = () => socket.destroy(new Error('no answer in time'));
    const timer = Number.isFinite(deadline) ? setTimeout(late, Math.max(0, deadline - Date.now())) : undefined;
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // EINVAL: the path is too long for a socket, so none can listen there.
      if (NOBODY_LISTENS.has(error.code ?? '')) resolve('nobody');
      // A broken connection: what was answered before counts.
      else if (!['ECONNRESET', 'EPIPE'].includes(error.code ?? ''))
        reject(new CliError(`cannot ask the supervisor at ${path}: ${error.message}`));
    });
    socket.on('data', (chunk) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      answer = JSON.parse(text) as Answer;
      // A supervisor that ends closes the connection by its end.
      if (request.do !== 'shutdown') socket.destroy();
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer ?? 'closed');
    });
  });
}

/** Writes what the supervisor is to run; it takes that up when it starts, and when it is asked to `apply`. */
function writeConfig(layout: Layout, units: readonly Unit[]): void {
  // Its processes are in no cgroup of a manager that would end their children.
  const known = units.map(({ keepsChildren: _, ...unit }) => unit);
  const text = `${JSON.stringify({ runDir: layout.runDir, logDir: layout.logDir, units: known }, null, 1)}\n`;
  writePrivately(layout.supervisorConfig, text);
}

/** The record of a process, as native/supervisor/src/process.rs writes it. */
interface ProcessRecord {
  pid: number;
  /** Field 22 of /proc/PID/stat. */
  start_time: number;
  unit: { name: string; stopSeconds?: number };
}

/** The units whose recorded processes run. */
function recorded(layout: Layout): UnitStatus[] {
  return records(layout).map(({ pid, unit }) => ({ name: unit.name, state: 'running', pid, restarts: 0, message: '' }));
}

/** Milliseconds that a supervisor has to answer for the first time. */
export function startPatience(layout: Layout): number {
  const seconds = records(layout).map(({ unit }) => unit.stopSeconds ?? DEFAULT_STOP_SECONDS);
  return START_MS + 1000 * seconds.reduce((sum, each) => sum + each, 0);
}

/** Of the processes that run. */
function records(layout: Layout): ProcessRecord[] {
  const folder = join(layout.runDir, 'processes');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  return names.flatMap((file) => {
    try {
      const record = JSON.parse(readFileSync(join(folder, file), 'utf8')) as ProcessRecord;
      return startTime(record.pid) === record.start_time ? [record] : [];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

function startTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name may have spaces and parentheses in it.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

/** Starts a supervisor in a session of its own, and waits until it answers. */
async function start(layout: Layout): Promise<void> {
  const program = nativeProgram('berth-supervisor');
  closeFolders(layout);
  const patience = startPatience(layout);
  const log = openSync(supervisorLog(layout), 'a', 0o640);
  const child = spawn(program, [layout.supervisorConfig], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  child.on('exit', (code) => {
    failure = `it ended with ${code}; see ${supervisorLog(layout)}`;
  });
  const deadline = Date.now() + patience;
  while (Date.now() < deadline) {
    if (failure) throw new CliError(`the supervisor did not start: ${failure}`);
    if (await ask(layout, { do: 'status' }, deadline)) {
      child.removeAllListeners();
      child.unref();
      return;
    }
    await sleep(10);
  }
  throw new CliError(`the supervisor did not answer within ${patience / 1000} s; see ${supervisorLog(layout)}`);
}

const supervisorLog = (layout: Layout) => join(layout.logDir, 'supervisor.log');
