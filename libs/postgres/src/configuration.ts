import type { PostgresLayout } from './layout.js';

/**
 * The server's settings. Sized for a control plane: few connections, one hot writer, memory that stays small when idle, and
 * nothing acknowledged that is not on disk. `custom.conf` beside this file wins over it.
 */
export function serverSettings(layout: PostgresLayout, durable: boolean): string {
  const onOff = durable ? 'on' : 'off';
  return `# Written by Berth at every start. Put your own settings into custom.conf beside this file.
data_directory = '${quoted(layout.data)}'
hba_file = '${quoted(layout.conf)}/pg_hba.conf'
ident_file = '${quoted(layout.conf)}/pg_ident.conf'

# Reached through the unix socket alone.
listen_addresses = ''
unix_socket_directories = '${quoted(layout.run)}'
unix_socket_permissions = 0700
max_connections = 64
# Nobody who connects and says nothing may keep a connection for a minute, which is the default.
authentication_timeout = 5s

# Durability.
fsync = ${onOff}
full_page_writes = ${onOff}
synchronous_commit = ${onOff}
# Recovery after a crash: one call for the file system instead of an fsync of each of a thousand files.
recovery_init_sync_method = syncfs
wal_level = replica
max_wal_senders = 4
wal_buffers = 8MB
min_wal_size = 64MB
max_wal_size = 1GB
checkpoint_timeout = 10min
checkpoint_completion_target = 0.9

# Memory and processes.
shared_buffers = 64MB
huge_pages = off
work_mem = 4MB
maintenance_work_mem = 32MB
max_worker_processes = 2
max_parallel_workers = 0
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
max_logical_replication_workers = 0
io_method = sync
jit = off

# Small hot tables whose rows live for minutes.
autovacuum_max_workers = 1
autovacuum_worker_slots = 2
autovacuum_naptime = 30s
autovacuum_vacuum_cost_limit = 1000

# The supervisor keeps and rotates what is written here.
logging_collector = off
log_destination = stderr
log_min_messages = warning
log_checkpoints = off
log_line_prefix = '%m [%p] '
timezone = 'UTC'
log_timezone = 'UTC'

include_if_exists = '${quoted(layout.conf)}/custom.conf'
`;
}

/** Local users that the kernel vouches for and that the identity map lists; nobody else, no network. */
export const HOST_BASED_AUTHENTICATION = 'local all all peer map=berth\n';

export function identityMap(users: Iterable<string>, role: string): string {
  return [...new Set(users)].map((user) => `berth "${user}" ${role}\n`).join('');
}

function quoted(path: string): string {
  return path.replaceAll("'", "''");
}
