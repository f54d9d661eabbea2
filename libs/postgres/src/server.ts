import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { installBinaries } from './binaries.js';
import { type PrepareOptions, preparePostgres, runningServer } from './data-directory.js';
import { databaseUrl, postgresLayout } from './layout.js';
import { firstLine, PostgresError } from './postgres-error.js';
import { type ServerCommand, serverCommand } from './server-command.js';
import { ensureServerUser } from './system-user.js';

/** What a supervisor starts to serve `dir`, which `preparePostgres` has made ready. */
export async function postgresCommand(dir: string): Promise<ServerCommand> {
  const layout = postgresLayout(dir);
  return serverCommand(await installBinaries(layout.server), layout.conf, ensureServerUser());
}

export interface RunningPostgres {
  readonly pid: number;
  readonly url: string;
  /** True when the server was there before and was not started by this call. */
  readonly adopted: boolean;
  /** Resolves when the server is gone; its output's telling line if it ended by itself. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the server directly, for tests and simple uses: it ends with this process, however that dies. A server that
 * already runs on the directory is adopted. Resolves when it takes connections.
 */
// test-only: it needs the parts of this file that prepare and launch a server
export async function startPostgres(dir: string, options: PrepareOptions = {}): Promise<RunningPostgres> {
  const prepared = await preparePostgres(dir, options);
  const url = databaseUrl(dir);
  if (prepared.runningPid !== undefined) {
    await waitForPostgres(dir);
    const pid = prepared.runningPid;
    return { pid, url, adopted: true, exited: untilGone(pid), stop: () => stopPostgres(dir) };
  }
  const command = serverCommand(prepared.server, prepared.layout.conf, prepared.user, 'INT');
  const deadline = Date.now() + 30_000;
  for (;;) {
    const attempt = await launch(command, dir, deadline);
    if ('child' in attempt) {
      const { child, exited } = attempt;
      return { pid: child.pid!, url, adopted: false, exited, stop: () => stopPostgres(dir) };
    }
    // The children of a server that was killed with -9 hold its shared memory until they notice.
    if (!/shared memory block|lock file/.test(attempt.output) || Date.now() > deadline) {
      throw new PostgresError(`PostgreSQL does not start: ${firstLine(attempt.output)}`);
    }
    await sleep(100);
  }
}

async function launch(
  command: ServerCommand,
  dir: string,
  deadline: number,
): Promise<{ child: ChildProcess; exited: Promise<void> } | { output: string }> {
  const [program, ...args] = command.argv;
  const child = spawn(program!, args, { env: command.env, cwd: command.cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (data) => {
    // The latest lines say why it ended.
    output = (output + data).slice(-4096);
  });
  (child.stderr as unknown as { unref(): void }).unref();
  child.unref();
  const exited = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      resolve();
    });
    child.on('exit', () => resolve());
  });
  const stopWaiting = new AbortController();
  const ready = waitForPostgres(dir, deadline - Date.now(), stopWaiting.signal).then(() => true);
  try {
    if (await Promise.race([ready, exited.then(() => false)])) return { child, exited };
  } finally {
    stopWaiting.abort();
    ready.catch(() => {});
  }
  return { output };
}

/** Waits until the server takes connections; throws PostgresError when it does not within `timeoutMs`. */
export async function waitForPostgres(dir: string, timeoutMs = 30_000, signal?: AbortSignal): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 200)) {
    const client = new pg.Client({ connectionString: databaseUrl(dir), connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
      return;
    } catch (error) {
      if (Date.now() > deadline || signal?.aborted) {
        throw new PostgresError(`PostgreSQL does not answer: ${firstLine((error as Error).message)}`);
      }
    } finally {
      await client.end().catch(() => {});
    }
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
}

/** Stops whatever serves `dir`: fast shutdown, after 30 s an immediate one. Does nothing when nothing runs. */
export async function stopPostgres(dir: string): Promise<void> {
  const layout = postgresLayout(dir);
  const pid = await runningServer(layout);
  if (pid === undefined) return;
  send(pid, 'SIGINT');
  const gone = untilGone(pid);
  if (await Promise.race([gone.then(() => true), sleep(30_000, false, { ref: false })])) return;
  send(pid, 'SIGQUIT');
  if (await Promise.race([gone.then(() => true), sleep(10_000, false, { ref: false })])) return;
  throw new PostgresError(`PostgreSQL (process ${pid}) does not stop`);
}

async function untilGone(pid: number): Promise<void> {
  while (alive(pid)) await sleep(20);
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
