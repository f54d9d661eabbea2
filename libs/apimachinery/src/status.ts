import type { FieldError } from './field-errors.js';
import { aggregateMessages, fieldErrorText } from './field-errors.js';
import { quote } from './go-format.js';
import { groupKindText, groupResourceText } from './gvk.js';

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** meta/v1 Status. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

export interface GroupResource {
  group: string;
  resource: string;
}

export interface GroupKind {
  group: string;
  kind: string;
}

/** The one error type that crosses layers: the API answers with its `status`, clients throw it back. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  /** Made of an error that nobody expected: a defect, and no ordinary failure. */
  unexpected = false;

  constructor(
    readonly status: Status,
    options?: { cause?: unknown },
  ) {
    super(status.message ?? '', options);
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): string {
    return this.status.reason ?? '';
  }
}

// Errors are an ordinary answer here (conflicts, 404s of polling clients), so their stack is cut short: it costs more
// than the rest of the request and nobody reads it.
function failure(code: number, reason: string, message: string, details?: StatusDetails): StatusError {
  // Fields in the order in which the reference writes them.
  const status: Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason === '' ? undefined : { reason }),
    ...(details === undefined ? undefined : { details }),
    code,
  };
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 4;
  try {
    return new StatusError(status);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function resourceDetails(resource: GroupResource, name: string, more?: Partial<StatusDetails>): StatusDetails {
  const details: StatusDetails = {};
  if (name !== '') details.name = name;
  if (resource.group !== '') details.group = resource.group;
  if (resource.resource !== '') details.kind = resource.resource;
  return more === undefined ? details : { ...details, ...more };
}

export function notFound(resource: GroupResource, name: string): StatusError {
  const text = `${groupResourceText(resource)} ${quote(name)} not found`;
  return failure(404, 'NotFound', text, resourceDetails(resource, name));
}

/** The answer for a path that nothing serves. */
export function genericNotFound(): StatusError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(resource: GroupResource, name: string): StatusError {
  const text = `${groupResourceText(resource)} ${quote(name)} already exists`;
  return failure(409, 'AlreadyExists', text, resourceDetails(resource, name));
}

/** Every name that was generated is taken. */
export function generateNameConflict(resource: GroupResource, name: string, retryAfterSeconds = 1): StatusError {
  const text = `${groupResourceText(resource)} ${quote(name)} already exists, the server was not able to generate a unique name for the object`;
  return failure(409, 'AlreadyExists', text, resourceDetails(resource, name, { retryAfterSeconds }));
}

/** What a stale resourceVersion says; clients look at the reason only. */
export const STALE_RESOURCE_VERSION =
  'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: GroupResource, name: string, why: string = STALE_RESOURCE_VERSION): StatusError {
  const text = `Operation cannot be fulfilled on ${groupResourceText(resource)} ${quote(name)}: ${why}`;
  return failure(409, 'Conflict', text, resourceDetails(resource, name));
}

/** Server-side apply met other owners: one cause (reason FieldManagerConflict) for each field. */
export function applyConflict(causes: StatusCause[], message: string): StatusError {
  return failure(409, 'Conflict', message, { causes });
}

/**
 * Characters of field errors that a Status holds before it only counts the others. An error shows the value that it is
 * about, which may be a whole list, and a list may have an error for each of its items: the product has no limit.
 */
const MAX_ERROR_TEXT = 256 * 1024;

export function invalid(kind: GroupKind, name: string, errors: readonly FieldError[]): StatusError {
  const subject = `${groupKindText(kind)} ${quote(name)} is invalid`;
  const details: StatusDetails = {};
  if (name !== '') details.name = name;
  if (kind.group !== '') details.group = kind.group;
  if (kind.kind !== '') details.kind = kind.kind;
  if (errors.length === 0) return failure(422, 'Invalid', subject, details);
  const causes: StatusCause[] = [];
  const texts: string[] = [];
  let size = 0;
  for (const { reason, message, field } of errors) {
    if (size > MAX_ERROR_TEXT) {
      texts.push(`and ${errors.length - causes.length} more`);
      break;
    }
    causes.push({ reason, message, field });
    texts.push(fieldErrorText({ reason, message, field }));
    size += message.length;
  }
  details.causes = causes;
  return failure(422, 'Invalid', `${subject}: ${aggregateMessages(texts)}`, details);
}

export function forbidden(resource: GroupResource, name: string, why: string): StatusError {
  let text: string;
  if (resource.group === '' && resource.resource === '') text = `forbidden: ${why}`;
  else if (name === '') text = `${groupResourceText(resource)} is forbidden: ${why}`;
  else text = `${groupResourceText(resource)} ${quote(name)} is forbidden: ${why}`;
  return failure(403, 'Forbidden', text, resourceDetails(resource, name));
}

export function unauthorized(message = 'Unauthorized'): StatusError {
  return failure(401, 'Unauthorized', message);
}

export function badRequest(message: string): StatusError {
  return failure(400, 'BadRequest', message);
}

/** The path is served, but not with this method. */
export function methodNotAllowed(): StatusError {
  return failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

/** `accepted` are the media types that the endpoint can answer with. */
export function notAcceptable(accepted: readonly string[]): StatusError {
  const text = `only the following media types are accepted: ${accepted.join(', ')}`;
  return failure(406, 'NotAcceptable', text);
}

/** `accepted` are the media types that the endpoint can read. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const text = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return failure(415, 'UnsupportedMediaType', text);
}

export function tooManyRequests(message: string, retryAfterSeconds: number, causes?: StatusCause[]): StatusError {
  const details: StatusDetails = {};
  if (causes !== undefined) details.causes = causes;
  if (retryAfterSeconds !== 0) details.retryAfterSeconds = retryAfterSeconds;
  return failure(429, 'TooManyRequests', message, details);
}

/** 410 for a revision or a continue token that is too old. */
export function expired(message: string): StatusError {
  return failure(410, 'Expired', message);
}

export function gone(message: string): StatusError {
  return failure(410, 'Gone', message);
}

export function requestEntityTooLarge(message: string): StatusError {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: ${message}`);
}

/** 422 without an object: a JSON patch that does not apply. The reference keeps the reason, which is the cause, to itself. */
export function unprocessable(cause?: Error): StatusError {
  const error = failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
  error.cause = cause;
  return error;
}

export function internalError(error: unknown): StatusError {
  const text = error instanceof Error ? error.message : String(error);
  const status = failure(500, 'InternalError', `Internal error occurred: ${text}`, { causes: [{ message: text }] });
  status.cause = error;
  return status;
}

/** A failure that the reference does not classify: 500 with nothing but its text. */
export function unclassified(message: string): StatusError {
  return failure(500, '', message);
}

export function serviceUnavailable(message: string): StatusError {
  return failure(503, 'ServiceUnavailable', message);
}

/** The request ran out of time; it may still be carried out. */
export function timeout(message: string, retryAfterSeconds = 0): StatusError {
  return failure(504, 'Timeout', `Timeout: ${message}`, retryAfterSeconds === 0 ? {} : { retryAfterSeconds });
}

/** Turns what a server sent into the error to throw. `fallbackCode` is the HTTP code, for bodies that are no Status. */
export function statusErrorFrom(body: unknown, fallbackCode: number): StatusError {
  if (isStatus(body)) return new StatusError(body);
  const text = typeof body === 'string' && body !== '' ? body : 'unknown';
  const [reason, message] = genericResponse(fallbackCode, text);
  return failure(fallbackCode, reason, message, {
    causes: [{ reason: 'UnexpectedServerResponse', message: text }],
  });
}

function isStatus(body: unknown): body is Status {
  return typeof body === 'object' && body !== null && (body as Status).kind === 'Status' && 'status' in body;
}

function genericResponse(code: number, serverMessage: string): [string, string] {
  switch (code) {
    case 400:
      return ['BadRequest', 'the server rejected our request for an unknown reason'];
    case 401:
      return ['Unauthorized', 'the server has asked for the client to provide credentials'];
    case 403:
      return ['Forbidden', serverMessage];
    case 404:
      return ['NotFound', 'the server could not find the requested resource'];
    case 405:
      return ['MethodNotAllowed', 'the server does not allow this method on the requested resource'];
    case 406:
      return ['NotAcceptable', serverMessage];
    case 409:
      return ['Conflict', 'the server reported a conflict'];
    case 415:
      return ['UnsupportedMediaType', serverMessage];
    case 422:
      return ['Invalid', 'the server rejected our request due to an error in our request'];
    case 429:
      return ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'];
    case 503:
      return ['ServiceUnavailable', 'the server is currently unable to handle the request'];
    case 504:
      return [
        'Timeout',
        'the server was unable to return a response in the time allotted, but may still be processing the request',
      ];
    default:
      if (code >= 500) {
        return [
          'InternalError',
          `an error on the server (${quote(serverMessage)}) has prevented the request from succeeding`,
        ];
      }
      return ['', `the server responded with the status code ${code} but did not return more information`];
  }
}

/** Any thrown thing as a StatusError: what is not one yet becomes an internal error. */
export function asStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const status = internalError(error);
  status.unexpected = true;
  return status;
}

export function reasonOf(error: unknown): string {
  return error instanceof StatusError ? error.reason : '';
}

function is(error: unknown, reason: string, code: number): boolean {
  if (!(error instanceof StatusError)) return false;
  return error.reason === reason || (error.reason === '' && error.code === code);
}

export const isNotFound = (error: unknown): boolean => is(error, 'NotFound', 404);
export const isAlreadyExists = (error: unknown): boolean => reasonOf(error) === 'AlreadyExists';
export const isConflict = (error: unknown): boolean => is(error, 'Conflict', 409);
export const isInvalid = (error: unknown): boolean => is(error, 'Invalid', 422);
export const isForbidden = (error: unknown): boolean => is(error, 'Forbidden', 403);
export const isMethodNotAllowed = (error: unknown): boolean => is(error, 'MethodNotAllowed', 405);
export const isGone = (error: unknown): boolean => is(error, 'Gone', 410);
/** True for every way to say 410: a list or watch must start over. */
export const isExpired = (error: unknown): boolean => reasonOf(error) === 'Expired' || isGone(error);

/** Has a cause with this reason, e.g. `NamespaceTerminating` or `DisruptionBudget`. */
export function hasCause(error: unknown, reason: string): boolean {
  return error instanceof StatusError && (error.status.details?.causes ?? []).some((cause) => cause.reason === reason);
}
