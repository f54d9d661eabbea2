export type LogFields = Record<string, unknown>;

export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

function write(level: string, component: string, message: string, fields: LogFields = {}): void {
  let line = `${new Date().toISOString()} ${level} ${component}: ${message}`;
  for (const [key, value] of Object.entries(fields)) line += ` ${key}=${JSON.stringify(describe(value))}`;
  process.stderr.write(`${line}\n`);
}

function describe(value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

/** One line an entry on stderr; the supervisor keeps and rotates it. */
export function stderrLogger(component: string): Logger {
  return {
    info: (message, fields) => write('INFO', component, message, fields),
    warn: (message, fields) => write('WARN', component, message, fields),
    error: (message, fields) => write('ERROR', component, message, fields),
  };
}

export const silentLogger: Logger = { info: () => {}, warn: () => {}, error: () => {} };
