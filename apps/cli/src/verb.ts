/** A failure that the user can act on: one line, exit code 1. */
export class CliError extends Error {}

/** Arguments that make no sense: one line and a pointer to --help, exit code 2. */
export class UsageError extends Error {}

/** One verb of `berth`, in a file of its own. */
export interface Verb {
  /** The exit code. */
  run(args: string[]): Promise<number>;
}
