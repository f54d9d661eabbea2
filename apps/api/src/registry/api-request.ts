import type { StatusError, UserInfo } from '#apimachinery';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { RequestBody } from '../codec/request-body.js';

import type { RequestLifetime } from './request-lifetime.js';

/**
 * One API request on the object path, the same for HTTP callers and for in-process clients.
 * HTTP fills it from the path and headers, and reads the body once the request is authorized; the in-process transport builds
 * it directly.
 */
export interface ApiRequest extends RequestBody {
  /** A `Verb`, or what the method gave: '' and the like end in 405. */
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** '' for cluster-scoped resources and for lists over all namespaces. */
  namespace: string;
  name: string;
  path: string;
  query: URLSearchParams;
  userAgent: string;
  user: UserInfo;
  /** Ends when the caller goes away, or its time is up: so do watches, and writes that are not committed yet. */
  lifetime: RequestLifetime;
  /** The verb that has to be permitted as well: a stream that begins with GET, and runs commands. */
  alsoVerb?: string;
  /** What is wrong with the URL and the method by themselves: the answer once the request is authorized. */
  pathError?: StatusError;
  /** Absent: the request is not audited. */
  record?: AuditTrail;
}

declare const AUTHORIZED: unique symbol;

/** A request that the authorizers have allowed. Nothing but `authorizeOrThrow` makes one, and nothing else is served. */
export type AuthorizedRequest = ApiRequest & { readonly [AUTHORIZED]: true };
