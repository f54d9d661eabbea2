import type { Failure, Outcome } from './attack.js';

/** Failures of a row that are shown; a hole of a whole kind fails in the same way hundreds of times. */
const SHOWN_FAILURES = 8;

const sending: Promise<unknown>[] = [];

/** Hands a row's outcome to the process that sums up; run alone, prints it. */
export function report(outcome: Outcome): void {
  if (process.send) sending.push(new Promise((resolve) => process.send!(outcome, undefined, undefined, resolve)));
  else console.log(line(outcome));
}

/** Resolves when all outcomes are on their way: only then may the process end. */
export async function reported(): Promise<void> {
  await Promise.all(sending);
}

/** One row as text: whether it held, and what did not. */
export function line({ area, finding, requests, seconds, failures, skipped }: Outcome): string {
  if (skipped !== undefined) return `skip ${area}: ${finding}: ${skipped}`;
  const head = `${failures.length === 0 ? 'ok  ' : 'FAIL'} ${area}: ${finding} (${requests} tried, ${seconds.toFixed(1)} s)`;
  const shown = failures.slice(0, SHOWN_FAILURES).map(describe);
  const more = failures.length > SHOWN_FAILURES ? [`     and ${failures.length - SHOWN_FAILURES} more`] : [];
  return [head, ...shown, ...more].join('\n');
}

function describe({ identity, request, expected, got }: Failure): string {
  return `     ${identity}: ${request}\n       expected ${expected}\n       got      ${got}`;
}

/** The table by area, and the line that ends every test run of the project. */
export function summary(outcomes: readonly Outcome[]): string {
  const areas = [...new Set(outcomes.map(({ area }) => area))];
  const lines = areas.map((area) => {
    const rows = outcomes.filter((outcome) => outcome.area === area);
    const failed = rows.filter(({ failures }) => failures.length > 0).length;
    const skipped = rows.filter((row) => row.skipped !== undefined).length;
    const tried = rows.reduce((sum, { requests }) => sum + requests, 0);
    const cells = [rows.length - failed - skipped, failed, skipped, tried].map((value) => String(value).padStart(8));
    return `${area.padEnd(16)}${cells.join('')}`;
  });
  const failed = outcomes.filter(({ failures }) => failures.length > 0).length;
  const skipped = outcomes.filter((outcome) => outcome.skipped !== undefined).length;
  return [
    `${'area'.padEnd(16)}${['passed', 'failed', 'skipped', 'tried'].map((title) => title.padStart(8)).join('')}`,
    ...lines,
    `${outcomes.length - failed - skipped} passed, ${failed} failed`,
  ].join('\n');
}
