import { parseTime } from '#apimachinery';
import type { LogStream } from './log-options.js';

const SPACE = 0x20;
const NEWLINE = 0x0a;

/** One record of a container's log file. */
export interface LogEntry {
  /** RFC 3339 as the runtime wrote it, with up to nine digits of fraction. */
  time: string;
  stream: LogStream;
  /** What the container wrote; with its newline when the record ends a line. */
  content: Buffer;
}

/**
 * Parses a record of the CRI log format, `<time> <stdout|stderr> <F|P>[:tags] <content>\n`. A `P` record is a piece of a
 * long line: its newline belongs to the file, not to the content. Undefined when it is something else.
 */
export function parseLogEntry(line: Buffer): LogEntry | undefined {
  const timeEnd = line.indexOf(SPACE);
  const streamEnd = timeEnd < 0 ? -1 : line.indexOf(SPACE, timeEnd + 1);
  const tagEnd = streamEnd < 0 ? -1 : line.indexOf(SPACE, streamEnd + 1);
  if (tagEnd < 0) return undefined;
  const time = line.toString('latin1', 0, timeEnd);
  const stream = line.toString('latin1', timeEnd + 1, streamEnd);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  if (parseTime(time) === undefined) return undefined;
  const [kind] = line.toString('latin1', streamEnd + 1, tagEnd).split(':');
  const cut = kind === 'P' && line.at(-1) === NEWLINE ? 1 : 0;
  return { time, stream, content: line.subarray(tagEnd + 1, line.length - cut) };
}

/** The record's time with all nine digits of fraction, as `timestamps` shows it. */
export function fixedWidthTime(time: string): string {
  const match = /^(.{19})(?:\.(\d+))?(.*)$/.exec(time);
  if (!match) return time;
  const [, seconds, fraction = '', zone] = match;
  return `${seconds}.${fraction.slice(0, 9).padEnd(9, '0')}${zone}`;
}
