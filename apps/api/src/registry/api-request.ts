import type { StatusError, UserInfo } from '#apimachinery';
import type { RequestBody } from '../codec/request-body.js';

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
  /** Aborted when the caller goes away, or its time is up: ends watches. A function, since few ask and a signal costs much. */
  signal: () => AbortSignal;
  /** What the URL and the method alone say against the request; the answer once it is authorized. */
  pathError?: StatusError;
}

declare const AUTHORIZED: unique symbol;

/** A request that the authorizers have allowed. Nothing but `authorizeOrThrow` makes one, and nothing else is served. */
export type AuthorizedRequest = ApiRequest & { readonly [AUTHORIZED]: true };
