import type { Logger } from '#client';

/**
 * Whoever loses its leadership starts anew, with fresh state, and waits for its turn. The process lives on: the API that runs
 * in it serves reads while the database, without which no leader can renew, is away.
 */
export async function leadAgainAndAgain(
  what: string,
  logger: Logger,
  signal: AbortSignal,
  start: (term: AbortSignal) => Promise<boolean>,
): Promise<void> {
  while (!signal.aborted) {
    const term = new AbortController();
    try {
      if (!(await start(AbortSignal.any([signal, term.signal])))) return;
      logger.warn('leadership was lost; starting anew', { what });
    } finally {
      term.abort();
    }
  }
}
