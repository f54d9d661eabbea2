import type { IncomingMessage } from 'node:http';
import type { StatusError } from '#apimachinery';
import type { LogFields } from '#client';

/** Where it is said that the server itself failed. */
export interface InternalErrorLog {
  error(message: string, fields: LogFields): void;
}

/** Logs what was answered 500 because of a defect of ours, with the id that the client was given. A refusal is no such thing. */
export function logInternalError(
  log: InternalErrorLog | undefined,
  { method, url }: IncomingMessage,
  { cause }: StatusError,
  auditID: string,
): void {
  if (cause === undefined) return;
  const path = url?.split('?', 1)[0];
  log?.error('request failed', { auditID, method, path, error: cause });
}
