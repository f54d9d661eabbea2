import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runsAsRoot, type ServerUser } from './system-user.js';

export interface ServerCommand {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  /** Ends the server at once and cleanly: PostgreSQL's fast shutdown. */
  stopSignal: 'SIGINT';
}

/** `argv` to run as the server's user. `deathSignal`: what it gets when the process that starts it dies. */
export function asServerUser(user: ServerUser, argv: string[], deathSignal?: string): string[] {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path)) ?? 'setpriv';
  const death = deathSignal === undefined ? [] : ['--pdeathsig', deathSignal];
  if (runsAsRoot()) {
    return [setpriv, '--reuid', `${user.uid}`, '--regid', `${user.gid}`, '--clear-groups', ...death, '--', ...argv];
  }
  return death.length > 0 && existsSync(setpriv) ? [setpriv, ...death, '--', ...argv] : argv;
}

/** Nothing of the caller's environment: PG* variables and locales would change what the server does. */
export function serverEnvironment(): Record<string, string> {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

export function serverCommand(server: string, conf: string, user: ServerUser, deathSignal?: string): ServerCommand {
  return {
    argv: asServerUser(
      user,
      [join(server, 'bin', 'postgres'), `--config-file=${join(conf, 'postgresql.conf')}`],
      deathSignal,
    ),
    env: serverEnvironment(),
    cwd: '/',
    stopSignal: 'SIGINT',
  };
}
