import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { asServerUser, binaryPackage, ensureServerUser, preparePostgres, startPostgres } from '#postgres';

const run = promisify(execFile);

/** Changes when what a cached cluster holds does. */
const TEMPLATE_REVISION = 1;

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Drops it, whoever is still connected. Databases that are not dropped go with the server. */
  drop(): Promise<void>;
}

export interface TestPostgres {
  /** Of the database `postgres` or `berth` that it starts with. */
  readonly url: string;
  createDatabase(): Promise<TestDatabase>;
  /** Kill -9 of the postmaster; resolves when it is gone. */
  kill(): Promise<void>;
  /** After `kill`. */
  start(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

let shared: Promise<TestPostgres> | undefined;

/**
 * A fresh, empty database on a server that the tests of this process share and that ends with it; on the server of
 * TEST_DATABASE_URL when that is set. Works as root and as anybody else.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const external = process.env['TEST_DATABASE_URL'];
  if (external) return createDatabase(external);
  shared ??= startTestPostgres();
  return (await shared).createDatabase();
}

export interface TestPostgresOptions {
  /** With fsync, as in production. */
  durable?: boolean;
  /** Folder to keep the server's files in: by default that of temporary files. */
  within?: string;
}

/** A server of its own for a test that kills or stops it. */
export async function startTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const cache = await cacheDirectory();
  const binaries = join(cache, 'server');
  const template = await clusterTemplate(cache, binaries);
  const dir = await freshDirectory(options.within);
  await run('cp', ['-a', '--reflink=auto', template, join(dir, 'data')]);
  const prepare = { durable: options.durable ?? false, binaries };
  let server = await startPostgres(dir, prepare);
  const removeAtExit = endWithProcess(dir, () => server.pid);
  return {
    url: server.url,
    createDatabase: () => createDatabase(server.url),
    kill: async () => {
      process.kill(server.pid, 'SIGKILL');
      await holding(server.exited);
    },
    start: async () => {
      server = await startPostgres(dir, prepare);
    },
    stop: async () => {
      await server.stop();
      removeAtExit();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const DEBIAN_SERVERS = '/usr/lib/postgresql';

function newestDebianPostgres(): number | undefined {
  const versions = existsSync(DEBIAN_SERVERS) ? readdirSync(DEBIAN_SERVERS) : [];
  return versions
    .map(Number)
    .filter(Number.isInteger)
    .sort((a, b) => b - a)[0];
}

/** Why `startDebianPostgres` cannot start one, or undefined when it can. */
export function debianPostgresMissing(): string | undefined {
  return newestDebianPostgres() === undefined
    ? 'no PostgreSQL of Debian is installed (apt-get install postgresql)'
    : undefined;
}

/** The newest PostgreSQL that Debian's packages installed, started for a test. */
export async function startDebianPostgres(): Promise<{ url: string; version: string; stop(): Promise<void> }> {
  const newest = newestDebianPostgres();
  if (newest === undefined) throw new Error(debianPostgresMissing());
  const bin = join(DEBIAN_SERVERS, `${newest}`, 'bin');
  const user = ensureServerUser();
  const dir = await freshDirectory();
  if (process.getuid?.() === 0) await chown(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  const initdb = [join(bin, 'initdb'), '-D', data, '-U', 'berth', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
  const [initProgram, ...initArgs] = asServerUser(user, initdb);
  await run(initProgram!, initArgs, { cwd: '/' });
  const settings = ['listen_addresses=', `unix_socket_directories=${dir}`, 'fsync=off'];
  const argv = [join(bin, 'postgres'), '-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  const [program, ...args] = asServerUser(user, argv, 'INT');
  const child = spawn(program!, args, { cwd: '/', stdio: 'ignore' });
  child.unref();
  const gone = new Promise((resolve) => child.on('exit', resolve));
  const removeAtExit = endWithProcess(dir, () => child.pid!);
  const url = `postgresql://berth@localhost/postgres?host=${encodeURIComponent(dir)}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGINT');
    await holding(gone);
    removeAtExit();
    await rm(dir, { recursive: true, force: true });
  };
  for (let attempt = 0; ; attempt++) {
    try {
      await withClient(url, async () => {});
      return { url, version: `${newest}`, stop };
    } catch (error) {
      if (attempt > 200) {
        await stop();
        throw error;
      }
      await sleep(25);
    }
  }
}

async function createDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`;
  await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${name}`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const drop = (): Promise<unknown> =>
    withClient(serverUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return {
    url: url.href,
    name,
    drop: async () => {
      await drop();
    },
  };
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Binaries and an initialized cluster, made once a machine and user: initdb takes longer than most tests. */
async function cacheDirectory(): Promise<string> {
  const path = join(tmpdir(), `berth-testing-${process.getuid?.() ?? 0}`);
  await mkdir(path, { recursive: true, mode: 0o755 });
  // The temporary folder is everybody's: a folder that another user put there is not to be trusted.
  const { uid } = await lstat(path);
  if (uid !== process.getuid?.()) throw new Error(`${path} belongs to another user`);
  await chmod(path, 0o755);
  return path;
}

async function clusterTemplate(cache: string, binaries: string): Promise<string> {
  const { version } = await binaryPackage();
  const template = join(cache, `cluster-${version}-${TEMPLATE_REVISION}`);
  if (await isThere(template)) return template;
  const staging = join(cache, `t${randomBytes(4).toString('hex')}`);
  try {
    const { layout } = await preparePostgres(staging, { durable: false, binaries });
    await rename(layout.data, template).catch(async (error) => {
      // Another process was faster.
      if (!(await isThere(template))) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return template;
}

async function freshDirectory(within = tmpdir()): Promise<string> {
  // Short, for the socket's path; open to the server's user, which mkdtemp would not leave it.
  const dir = join(within, `berth-pg-${randomBytes(6).toString('hex')}`);
  await mkdir(dir, { mode: 0o755 });
  await chmod(dir, 0o755);
  return dir;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Ends the server and removes its files when the process ends. Returns the way to call that off. */
function endWithProcess(dir: string, pid: () => number): () => void {
  const end = (): void => {
    try {
      process.kill(pid(), 'SIGQUIT');
    } catch {
      // It is gone.
    }
    removeUnderfoot(dir);
  };
  process.once('exit', end);
  return () => process.off('exit', end);
}

/**
 * Removes a folder in which a process that ends may still write. `rmSync` of Node 26 neither repeats what fails by that nor says
 * that it failed.
 */
function removeUnderfoot(dir: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 100; tries > 0; tries--) {
    rmSync(dir, { recursive: true, force: true });
    if (!existsSync(dir)) return;
    Atomics.wait(pause, 0, 0, 20);
  }
}

/** Waits for a child that does not hold the event loop by itself. */
async function holding(gone: Promise<unknown>): Promise<void> {
  const hold = setInterval(() => {}, 1_000);
  await gone;
  clearInterval(hold);
}
