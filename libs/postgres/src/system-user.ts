import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { firstLine, PostgresError } from './postgres-error.js';

/** PostgreSQL refuses to run as root: it gets a user of its own. */
export const SYSTEM_USER = 'berth-postgres';
const DESCRIPTION = 'Berth embedded PostgreSQL';

export interface ServerUser {
  name: string;
  uid: number;
  gid: number;
}

export function runsAsRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The user the server runs as: our system user when we are root, else the current one. Undefined when it is missing. */
export function serverUser(): ServerUser | undefined {
  if (runsAsRoot()) return lookUp(SYSTEM_USER);
  try {
    const { username, uid, gid } = userInfo();
    return { name: username, uid, gid };
  } catch {
    throw new PostgresError(
      `user id ${process.getuid?.()} has no entry in /etc/passwd, which PostgreSQL needs; add one, or set DATABASE_URL`,
    );
  }
}

/** The server's user, created if need be (root only). */
export function ensureServerUser(): ServerUser {
  const present = serverUser();
  if (present) return present;
  const attempts: [string, string[]][] = [
    [
      'useradd',
      ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin'],
    ],
    ['adduser', ['-S', '-D', '-H', '-h', '/nonexistent', '-s', '/sbin/nologin']],
  ];
  let reason = 'neither useradd nor adduser is installed';
  for (const [program, args] of attempts) {
    const comment = program === 'useradd' ? ['--comment', DESCRIPTION] : ['-g', DESCRIPTION];
    const result = spawnSync(program, [...args, ...comment, SYSTEM_USER], { encoding: 'utf8', env: sbinPath() });
    // Two starts at once: whoever lost finds the other's user.
    const user = lookUp(SYSTEM_USER);
    if (user) return user;
    if (!result.error) reason = firstLine(result.stderr);
  }
  throw new PostgresError(`cannot create the system user ${SYSTEM_USER}: ${reason}`);
}

/** Removes the system user if it is the one that was created here. Returns whether it did. */
export function removeServerUser(): boolean {
  if (!runsAsRoot() || passwdEntry(SYSTEM_USER)?.[4] !== DESCRIPTION) return false;
  for (const program of ['userdel', 'deluser']) {
    if (spawnSync(program, [SYSTEM_USER], { env: sbinPath() }).status === 0) return true;
  }
  return false;
}

function lookUp(name: string): ServerUser | undefined {
  const entry = passwdEntry(name);
  return entry && { name, uid: Number(entry[2]), gid: Number(entry[3]) };
}

function passwdEntry(name: string): string[] | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${name}:`));
  return line?.split(':');
}

function sbinPath(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' };
}
