import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nativeProgram } from '#host';
import type { Layout } from './layout.js';
import { closeFolders, writePrivately } from './up/private-files.js';
import { CliError } from './verb.js';

/** One unit as berth-supervisor reads it (native/supervisor/src/config.rs). */
export interface Unit {
  name: string;
  argv: string[];
  env?: Record<string, string>;
  requires?: string[];
  stopSignal?: 'TERM' | 'INT';
  stopSeconds?: number;
  /** Changes when the program does, so that the next `up` restarts it. */
  revision?: string;
}

export interface UnitStatus {
  name: string;
  state: 'waiting' | 'running' | 'backoff' | 'stopped';
  /** 0 when it does not run. */
  pid: number;
  restarts: number;
  message: string;
}

type Request = { do: 'status' } | { do: 'apply' } | { do: 'restart'; unit: string } | { do: 'shutdown' };

/** Asks the supervisor; undefined when none is running. One that is to shut down has ended when this resolves. */
export function askSupervisor(layout: Layout, request: Request): Promise<UnitStatus[] | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(layout.supervisorSocket);
    let text = '';
    let answer: { error?: string; units: UnitStatus[] } | undefined;
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(new CliError(`cannot connect to the supervisor at ${layout.supervisorSocket}: ${error.message}`));
    });
    socket.on('data', (chunk) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      answer = JSON.parse(text) as typeof answer;
      // A supervisor that ends closes the connection by its end.
      if (request.do !== 'shutdown') socket.destroy();
    });
    socket.on('close', () => {
      if (answer?.error) reject(new CliError(`the supervisor reports: ${answer.error}`));
      else resolve(answer?.units);
    });
  });
}

/** Writes what the supervisor is to run; it takes that up when it starts, and when it is asked to `apply`. */
export function writeSupervisorConfig(layout: Layout, units: readonly Unit[]): void {
  const text = `${JSON.stringify({ runDir: layout.runDir, logDir: layout.logDir, units }, null, 1)}\n`;
  writePrivately(layout.supervisorConfig, text);
}

/** The record of a process, as native/supervisor/src/process.rs writes it. */
interface ProcessRecord {
  pid: number;
  /** Field 22 of /proc/PID/stat. */
  start_time: number;
  unit: { name: string };
}

/**
 * The units that run although no supervisor does, since it was killed: the next one adopts those that are configured as
 * they were, and ends the others. Empty while a supervisor answers, or after all have ended.
 */
export function unsupervised(layout: Layout): UnitStatus[] {
  const folder = join(layout.runDir, 'processes');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  return names.flatMap((file) => {
    try {
      const { pid, start_time, unit } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as ProcessRecord;
      if (startTime(pid) !== start_time) return [];
      return [{ name: unit.name, state: 'running' as const, pid, restarts: 0, message: '' }];
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

/**
 * Ends every process, also where the supervisor was killed. Returns what ran; undefined when nothing did.
 */
export async function shutDown(layout: Layout): Promise<UnitStatus[] | undefined> {
  const stopped = await askSupervisor(layout, { do: 'shutdown' });
  if (stopped) return stopped;
  const left = unsupervised(layout);
  if (left.length === 0) return undefined;
  // A supervisor that is to run nothing ends what runs, before it answers for the first time.
  writeSupervisorConfig(layout, []);
  await startSupervisor(layout);
  await askSupervisor(layout, { do: 'shutdown' });
  return left;
}

/** Starts a supervisor in a session of its own, and waits until it answers. */
export async function startSupervisor(layout: Layout): Promise<void> {
  const program = nativeProgram('berth-supervisor');
  closeFolders(layout);
  const log = openSync(join(layout.logDir, 'supervisor.log'), 'a', 0o640);
  const child = spawn(program, [layout.supervisorConfig], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  child.on('exit', (code) => {
    failure = `it ended with ${code}; see ${join(layout.logDir, 'supervisor.log')}`;
  });
  for (let tries = 0; tries < 400; tries++) {
    if (failure) throw new CliError(`the supervisor did not start: ${failure}`);
    if (await askSupervisor(layout, { do: 'status' })) {
      child.removeAllListeners();
      child.unref();
      return;
    }
    await sleep(10);
  }
  throw new CliError(`the supervisor did not answer on ${layout.supervisorSocket}`);
}
