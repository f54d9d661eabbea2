import { spawn, spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { binaryPackage, installBinaries } from './binaries.js';
import { HOST_BASED_AUTHENTICATION, identityMap, serverSettings } from './configuration.js';
import { DATABASE, type PostgresLayout, postgresLayout } from './layout.js';
import { explainSystemError, firstLine, PostgresError } from './postgres-error.js';
import { asServerUser, serverEnvironment } from './server-command.js';
import { ensureServerUser, runsAsRoot, type ServerUser } from './system-user.js';

export interface PrepareOptions {
  /** Off: no fsync anywhere. For throw-away test servers only. */
  durable?: boolean;
  /** Folder for the copies of the binaries; by default below the server's directory. */
  binaries?: string;
}

export interface PreparedPostgres {
  layout: PostgresLayout;
  /** Folder with bin, lib and share. */
  server: string;
  user: ServerUser;
  /** Process id of the server that already runs on this directory, which is to be adopted. */
  runningPid: number | undefined;
}

/**
 * Makes everything that a start needs and that is missing: system user, binaries, configuration, database cluster. Safe to
 * repeat after an interruption at any point, and while the server runs. Throws PostgresError.
 */
export async function preparePostgres(dir: string, options: PrepareOptions = {}): Promise<PreparedPostgres> {
  const layout = postgresLayout(dir);
  const user = ensureServerUser();
  try {
    await makeDirectory(layout.root, 0o711);
    if (runsAsRoot()) await checkReachable(layout.root, user);
    // Root and the server's own user connect; others, who have no role here, could still use up its connections.
    await makeDirectory(layout.run, 0o700, user);
    const server = await installBinaries(options.binaries ?? layout.server);
    await writeConfiguration(layout, user, options.durable ?? true);
    await initializeDatabase(layout, server, user, options.durable ?? true);
    await checkVersion(layout);
    const runningPid = await runningServer(layout);
    if (runningPid === undefined && runsAsRoot()) await takeOver(layout, user);
    if (runningPid === undefined) await removeForeignLock(layout);
    return { layout, server, user, runningPid };
  } catch (error) {
    throw explainSystemError(error, 'cannot set up PostgreSQL in', layout.root);
  }
}

/**
 * The system user may have been removed with another Berth of this machine, and made anew with another number: the data
 * is then given to it. PostgreSQL starts on nobody else's files.
 */
async function takeOver(layout: PostgresLayout, user: ServerUser): Promise<void> {
  if ((await stat(layout.data)).uid === user.uid) return;
  const changed = spawnSync('chown', ['-R', '-h', `${user.uid}:${user.gid}`, layout.data], { encoding: 'utf8' });
  if (changed.status !== 0)
    throw new PostgresError(`cannot give ${layout.data} to ${user.name}: ${firstLine(changed.stderr)}`);
}

/** The process that serves this data directory, if one does. */
export async function runningServer(layout: PostgresLayout): Promise<number | undefined> {
  const pid = await lockedPid(layout);
  if (pid === undefined) return undefined;
  // A postmaster's working directory is its data directory; a process id alone may have been used again.
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return cwd === layout.data ? pid : undefined;
}

async function lockedPid(layout: PostgresLayout): Promise<number | undefined> {
  const lock = await readFile(join(layout.data, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(lock, 10);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/**
 * PostgreSQL drops the lock file of a dead process itself, but not when another process of the same user has its number
 * by now, as happens after a restart of a container.
 */
async function removeForeignLock(layout: PostgresLayout): Promise<void> {
  const pid = await lockedPid(layout);
  if (pid === undefined) return;
  const alive = await stat(`/proc/${pid}`).catch(() => undefined);
  if (alive) await rm(join(layout.data, 'postmaster.pid'), { force: true });
}

async function initializeDatabase(
  layout: PostgresLayout,
  server: string,
  user: ServerUser,
  durable: boolean,
): Promise<void> {
  if (await present(join(layout.data, 'PG_VERSION'))) return;
  if (await present(layout.data)) {
    throw new PostgresError(`${layout.data} is there but is no PostgreSQL data directory; move it away`);
  }
  const staging = `${layout.data}.new`;
  await rm(staging, { recursive: true, force: true });
  await makeDirectory(staging, 0o700, user);
  await run(
    user,
    join(server, 'bin', 'initdb'),
    [
      `--pgdata=${staging}`,
      `--username=${DATABASE}`,
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--auth=peer',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ],
    'initdb failed',
  );
  await run(
    user,
    join(server, 'bin', 'postgres'),
    ['--single', '-D', staging, '-c', `fsync=${durable ? 'on' : 'off'}`, 'postgres'],
    'cannot create the database',
    `CREATE DATABASE ${DATABASE} OWNER ${DATABASE};\n`,
  );
  await rename(staging, layout.data);
}

async function writeConfiguration(layout: PostgresLayout, user: ServerUser, durable: boolean): Promise<void> {
  await makeDirectory(layout.conf, 0o711);
  const files: Record<string, string> = {
    'postgresql.conf': serverSettings(layout, durable),
    'pg_hba.conf': HOST_BASED_AUTHENTICATION,
    'pg_ident.conf': identityMap([userInfo().username, user.name], DATABASE),
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(layout.conf, name);
    const temporary = `${path}.${process.pid}`;
    await writeFile(temporary, text, { mode: 0o644 });
    await rename(temporary, path);
  }
}

async function checkVersion(layout: PostgresLayout): Promise<void> {
  const data = (await readFile(join(layout.data, 'PG_VERSION'), 'utf8')).trim();
  const { version } = await binaryPackage();
  const major = version.split('.')[0];
  if (data !== major) {
    throw new PostgresError(
      `${layout.data} was made by PostgreSQL ${data} and this release brings PostgreSQL ${major}: ` +
        'dump it with the old release and load it with this one',
    );
  }
}

/** The server's user has to walk down to its directory: not so below a home folder that is closed to others. */
async function checkReachable(root: string, user: ServerUser): Promise<void> {
  for (let path = root; ; path = dirname(path)) {
    const { mode, uid, gid } = await stat(path);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) {
      throw new PostgresError(
        `user ${user.name}, which PostgreSQL runs as, cannot enter ${path}: choose another data directory, or chmod o+x it`,
      );
    }
    if (path === dirname(path)) return;
  }
}

/** Also closes one that an earlier version left more open; bits that its owner took away stay away. */
async function makeDirectory(path: string, mode: number, owner?: ServerUser): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode });
  // The umask may have taken bits away.
  const wanted = made === undefined ? (await stat(path)).mode & 0o777 & mode : mode;
  await chmod(path, wanted);
  if (owner && runsAsRoot()) await chown(path, owner.uid, owner.gid);
}

async function run(user: ServerUser, program: string, args: string[], failure: string, input = ''): Promise<void> {
  const [command, ...rest] = asServerUser(user, [program, ...args]);
  const child = spawn(command!, rest, { env: serverEnvironment(), cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  // The single-user server goes on after an error in its input.
  if (code !== 0 || /\bERROR:/.test(output)) throw new PostgresError(`${failure}: ${firstLine(output)}`);
}

async function present(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
