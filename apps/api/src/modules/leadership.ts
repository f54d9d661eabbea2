import type { Logger } from '#client';

/**
 * A component that loses its leadership restarts with fresh state, and waits for its turn. The process goes on: the API that runs
 * in it serves reads while the database, without which no leader can renew, cannot be reached.
 */
export async function rerunOnLostLeadership(
  what: string,
  logger: Logger,
  signal: AbortSignal,
  start: (term: AbortSignal) => Promise<boolean>,
): Promise<void> {
  while (!signal.aborted) {
    const term = new AbortController();
    try {
      if (!(await start(AbortSignal.any([signal, term.signal])))) return;
      logger.warn('leadership was lost; restarting with fresh state', { what });
    } finally {
      term.abort();
    }
  }
}
