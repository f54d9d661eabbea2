import type { Store } from '../../storage/store.js';

/** A named condition of the server's health. */
export interface HealthCheck {
  readonly name: string;
  /** Which of the endpoints it belongs to. */
  readonly endpoints: readonly ('healthz' | 'livez' | 'readyz')[];
  /** Throws the reason when it does not hold. */
  check(): void | Promise<void>;
}

export interface HealthReport {
  healthy: boolean;
  text: string;
}

const ALL = ['healthz', 'livez', 'readyz'] as const;

export const PING: HealthCheck = { name: 'ping', endpoints: ALL, check: () => {} };

/**
 * Runs the checks of one endpoint and words the result as the reference does. Advisory ones have their line, and no say in the
 * answer.
 */
export async function checkHealth(
  checks: readonly HealthCheck[],
  endpoint: (typeof ALL)[number],
  query: URLSearchParams,
  log: (text: string) => void,
  checked: (name: string, passed: boolean) => void,
  advisories: readonly HealthCheck[] = [],
): Promise<HealthReport> {
  const excluded = new Set(query.getAll('exclude'));
  const lines: string[] = [];
  const failed: string[] = [];
  for (const check of [...checks, ...advisories]) {
    if (!check.endpoints.includes(endpoint)) continue;
    if (excluded.delete(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    try {
      await check.check();
      checked(check.name, true);
      lines.push(`[+]${check.name} ok`);
    } catch (error) {
      checked(check.name, false);
      if (!advisories.includes(check)) failed.push(check.name);
      log(`${endpoint} check ${check.name} failed: ${(error as Error).message}`);
      lines.push(`[-]${check.name} failed: reason withheld`);
    }
  }
  if (excluded.size > 0) {
    const names = [...excluded].map((name) => JSON.stringify(name)).join(', ');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  if (failed.length > 0) {
    return { healthy: false, text: `${lines.join('\n')}\n${endpoint} check failed\n` };
  }
  if (query.has('verbose')) return { healthy: true, text: `${lines.join('\n')}\n${endpoint} check passed\n` };
  return { healthy: true, text: 'ok' };
}

/** Anybody may probe the server's health: PostgreSQL is asked by one probe at a time, and the others share its answer. */
export function storeCheck(store: Pick<Store, 'ping'>): HealthCheck {
  let asked: Promise<void> | undefined;
  const check = () => {
    asked ??= store.ping().finally(() => {
      asked = undefined;
    });
    return asked;
  };
  return { name: 'postgres', endpoints: ['healthz', 'readyz'], check };
}
