import {
  type DestinationStream,
  destination as fileDestination,
  type Logger as PinoLogger,
  pino,
  stdTimeFunctions,
} from 'pino';
import { textLine } from './text-line.js';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  format?: LogFormat;
  /** Entries below it are left out. */
  level?: LogLevel;
}

export interface LoggerOptions extends LogOptions {
  /** What of the process speaks: `server`, `agent`. */
  component: string;
  /** Takes whole lines; default stderr, written at once, so that nothing is lost when the process ends. */
  destination?: DestinationStream;
}

export type LogFields = Record<string, unknown>;

/** Entries of a process. Errors among the fields keep their type, message, stack and cause. */
export interface ProcessLogger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** One that puts these fields on each entry. */
  with(fields: LogFields): ProcessLogger;
}

/** One line an entry: an object of JSON, or `<time> <LEVEL> <component>: <message> <field>=<value>`. */
export function createLogger({
  component,
  format = 'text',
  level = 'info',
  destination,
}: LoggerOptions): ProcessLogger {
  const lines = destination ?? fileDestination({ dest: 2, sync: true });
  const options = {
    level,
    base: { component },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: describeErrors },
  };
  const stream = format === 'json' ? lines : { write: (line: string) => lines.write(textLine(line)) };
  return processLogger(pino(options, stream));
}

function processLogger(logger: PinoLogger): ProcessLogger {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    with: (fields) => processLogger(logger.child(describeErrors(fields))),
  };
}

/** JSON shows nothing of an Error. */
function describeErrors(fields: LogFields): LogFields {
  const entries = Object.entries(fields);
  if (!entries.some(([, value]) => value instanceof Error)) return fields;
  return Object.fromEntries(entries.map(([key, value]) => [key, value instanceof Error ? describe(value) : value]));
}

interface DescribedError {
  type: string;
  message: string;
  stack?: string;
  cause?: DescribedError;
}

function describe(error: Error): DescribedError {
  const { name: type, message, stack, cause } = error;
  return { type, message, stack, ...(cause instanceof Error ? { cause: describe(cause) } : {}) };
}
