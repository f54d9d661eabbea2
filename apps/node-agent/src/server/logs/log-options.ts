import { parseTime } from '#apimachinery';
import { HttpError } from '../http-error.js';

export type LogStream = 'stdout' | 'stderr';

/** core/v1 PodLogOptions as the node reads them. */
export interface LogOptions {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  /** Only entries at or after this moment, ms since the epoch. */
  since?: number;
  /** Entries of the file's end to begin with. */
  tailLines?: number;
  limitBytes?: number;
  /** Absent: both. */
  stream?: LogStream;
}

/** Reads the query of `/containerLogs`. Throws 400 for what cannot be read and 422 for what makes no sense. */
export function parseLogOptions(query: URLSearchParams, now: number): LogOptions {
  const tail = query.get('tail') || query.get('tailLines');
  const tailLines = tail === 'all' ? undefined : integer(tail);
  const limitBytes = integer(query.get('limitBytes'));
  const sinceSeconds = integer(query.get('sinceSeconds'));
  const sinceText = query.get('sinceTime');
  const sinceTime = sinceText ? parseTime(sinceText) : undefined;
  if (sinceText && sinceTime === undefined) throw undecodable();
  const stream = query.get('stream') || 'All';

  const invalid =
    (tailLines !== undefined && tailLines < 0) ||
    (limitBytes !== undefined && limitBytes < 1) ||
    (sinceSeconds !== undefined && (sinceSeconds < 1 || sinceTime !== undefined)) ||
    !['All', 'Stdout', 'Stderr'].includes(stream) ||
    (stream !== 'All' && tailLines !== undefined);
  if (invalid) throw new HttpError(422, '{"message": "Invalid request."}');

  const since = sinceSeconds !== undefined ? now - sinceSeconds * 1000 : sinceTime;
  return {
    follow: boolean(query.get('follow')),
    previous: boolean(query.get('previous')),
    timestamps: boolean(query.get('timestamps')),
    ...(since !== undefined ? { since } : {}),
    ...(tailLines !== undefined ? { tailLines } : {}),
    ...(limitBytes !== undefined ? { limitBytes } : {}),
    ...(stream !== 'All' ? { stream: stream.toLowerCase() as LogStream } : {}),
  };
}

function undecodable(): HttpError {
  return new HttpError(400, '{"message": "Unable to decode query."}');
}

function integer(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw undecodable();
  return Number(text);
}

/** As the API machinery converts a query value: anything but an explicit no is yes. */
function boolean(text: string | null): boolean {
  return text !== null && !['false', '0'].includes(text.toLowerCase());
}
