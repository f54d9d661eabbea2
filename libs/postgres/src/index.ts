export { binaryPackage } from './binaries.js';
export { type PreparedPostgres, type PrepareOptions, preparePostgres } from './data-directory.js';
export { DATABASE, databaseUrl, type PostgresLayout, postgresLayout } from './layout.js';
export { PostgresError } from './postgres-error.js';
export { postgresCommand, type RunningPostgres, startPostgres, stopPostgres, waitForPostgres } from './server.js';
export { asServerUser, type ServerCommand } from './server-command.js';
export { ensureServerUser, removeServerUser, type ServerUser, SYSTEM_USER } from './system-user.js';
