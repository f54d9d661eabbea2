import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installation, type Layout } from './layout.js';
import { CliError } from './verb.js';

export interface UnitStatus {
  name: string;
  state: 'waiting' | 'running' | 'backoff' | 'stopped';
  /** 0 when it does not run. */
  pid: number;
  restarts: number;
  message: string;
}

type Request = { do: 'status' } | { do: 'apply' } | { do: 'restart'; unit: string } | { do: 'shutdown' };

/** Asks the supervisor; undefined when none is running. */
export function askSupervisor(layout: Layout, request: Request): Promise<UnitStatus[] | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(layout.supervisorSocket);
    let text = '';
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(new CliError(`the supervisor cannot be asked at ${layout.supervisorSocket}: ${error.message}`));
    });
    socket.on('data', (chunk) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      socket.destroy();
      const answer = JSON.parse(text) as { error?: string; units: UnitStatus[] };
      if (answer.error) reject(new CliError(`the supervisor says: ${answer.error}`));
      else resolve(answer.units);
    });
    socket.on('end', () => resolve(undefined));
  });
}

/** Starts a supervisor in a session of its own, and waits until it answers. */
export async function startSupervisor(layout: Layout): Promise<void> {
  const program = supervisorProgram();
  mkdirSync(layout.runDir, { recursive: true });
  mkdirSync(layout.logDir, { recursive: true });
  const log = openSync(join(layout.logDir, 'supervisor.log'), 'a');
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

function supervisorProgram(): string {
  const program = nativeProgram('berth-supervisor');
  if (!existsSync(program)) throw new CliError(`${program} is missing; run: npm run build:native`);
  return program;
}

export function nativeProgram(name: string): string {
  return join(process.env.CARGO_TARGET_DIR ?? join(installation, 'target'), 'release', name);
}
