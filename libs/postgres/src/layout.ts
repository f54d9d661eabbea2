import { join, resolve } from 'node:path';
import { PostgresError } from './postgres-error.js';

/** Name of the database and of its only role. */
export const DATABASE = 'berth';

/** Where things are below the directory of one embedded server. */
export interface PostgresLayout {
  root: string;
  /** Copies of the binaries, one folder a version. */
  server: string;
  data: string;
  /** Configuration: owned by whoever runs `up`, never by the server's own user. */
  conf: string;
  /** The unix socket. */
  run: string;
}

// struct sockaddr_un: 108 bytes with the final NUL, on Linux.
const MAX_SOCKET_PATH = 107;

export function postgresLayout(dir: string): PostgresLayout {
  const root = resolve(dir);
  const run = join(root, 'run');
  const socket = join(run, '.s.PGSQL.5432');
  const length = Buffer.byteLength(socket);
  if (length > MAX_SOCKET_PATH) {
    throw new PostgresError(
      `the path of the PostgreSQL socket is ${length} bytes long and a unix socket takes ${MAX_SOCKET_PATH}: ` +
        `choose a shorter data directory than ${root}`,
    );
  }
  return { root, server: join(root, 'server'), data: join(root, 'data'), conf: join(root, 'conf'), run };
}

/** Connection string for node-postgres and libpq: a unix socket, the peer's user checked by the kernel, no password. */
export function databaseUrl(dir: string, database: string = DATABASE): string {
  const { run } = postgresLayout(dir);
  return `postgresql://${DATABASE}@localhost/${encodeURIComponent(database)}?host=${encodeURIComponent(run)}`;
}
