import { homedir } from 'node:os';
import { join } from 'node:path';

/** Root's is one for the machine; other users have their own. */
export function defaultDataDir(): string {
  if (process.getuid?.() === 0) return '/var/lib/berth';
  return join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'berth');
}
