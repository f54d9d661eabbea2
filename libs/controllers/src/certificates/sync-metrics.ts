import { StatusError } from '#apimachinery';
import type { Clock } from '#client';
import type { MetricsRegistry } from '#telemetry';

const SECONDS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);
/** Codes of answers: there are about forty. */
const CODES = 50;

/** A sync that is counted and timed by the code of its error, under upstream's names: `<subsystem>_sync_total`. */
export function measuredSync(
  subsystem: string,
  what: string,
  { clock, metrics }: { clock: Clock; metrics: MetricsRegistry },
  sync: () => Promise<void>,
): () => Promise<void> {
  const labels = { code: CODES };
  const totalHelp = `Number of syncs that occurred in ${what} publisher.`;
  const total = metrics.counter({ name: `${subsystem}_sync_total`, help: totalHelp, labels });
  const secondsHelp = `The time it took to sync a ${what}.`;
  const seconds = metrics.histogram({ name: `${subsystem}_sync_duration_seconds`, help: secondsHelp, labels }, SECONDS);
  return async () => {
    const start = clock.now();
    let code = '200';
    try {
      await sync();
    } catch (error) {
      code = String((error instanceof StatusError && error.code) || 500);
      throw error;
    } finally {
      total.cell(code).value++;
      seconds.cell(code).observe((clock.now() - start) / 1000);
    }
  };
}
