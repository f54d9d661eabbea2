export type LogFields = Record<string, unknown>;

/** Where the libraries log to. Values of fields may be Errors. */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

// test-only: for those who give the libraries no log
export const silentLogger: Logger = { info: () => {}, warn: () => {}, error: () => {} };
