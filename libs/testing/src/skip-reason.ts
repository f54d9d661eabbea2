/** Why a test cannot run on this machine; undefined or false when it can. */
export type Lacking = string | false | undefined;

/** Ends the title of a skipped test. `scripts/jest/ring-reporter.mjs` reads it. */
const titled = (title: string, reason: string): string => `${title} [skipped: ${reason}]`;

/** `test`, or a skipped test whose title has the reason. */
export function testUnless(lacking: Lacking, title: string, body: () => unknown, timeout?: number): void {
  if (lacking) test.skip(titled(title, lacking), () => {});
  else test(title, body as () => Promise<void>, timeout);
}

/** `describe`, or one skipped test whose title has the reason. The body of a skipped suite does not run. */
export function describeUnless(lacking: Lacking, title: string, body: () => void): void {
  if (lacking) test.skip(titled(title, lacking), () => {});
  else describe(title, body);
}
