import type { IncomingMessage } from 'node:http';
import type { StatusError } from '#apimachinery';
import type { LogFields } from '#client';
import { auditIdOf } from './request-marks.js';

/** A client may choose a longer id. */
const LOGGED_ID_LENGTH = 64;

/** Where it is said that the server itself failed. */
export interface InternalErrorLog {
  error(message: string, fields: LogFields): void;
}

/** Logs what was answered 500 because of a defect of ours, with the id that the client was given. A refusal is no such thing. */
export function logInternalError(
  log: InternalErrorLog | undefined,
  request: IncomingMessage,
  { cause }: StatusError,
): void {
  if (cause === undefined) return;
  const { method, url } = request;
  const auditID = auditIdOf(request).slice(0, LOGGED_ID_LENGTH);
  const path = url?.split('?', 1)[0];
  log?.error('request failed', { auditID, method, path, error: cause });
}
