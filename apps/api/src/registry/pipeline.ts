import type { Readable } from 'node:stream';
import type { UserInfo, Verb } from '#apimachinery';

/**
 * One API request on the object path, the same for HTTP callers and for in-process clients.
 * HTTP fills it from the path and headers; the in-process transport builds it directly.
 */
export interface ApiRequest {
  verb: Verb;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** '' for cluster-scoped resources and for lists over all namespaces. */
  namespace: string;
  name: string;
  query: URLSearchParams;
  /** The body as sent, or an object from an in-process caller (never kept, never changed). */
  body: Buffer | object | undefined;
  contentType: string;
  /** Media types in order of preference, already parsed. */
  accept: string;
  userAgent: string;
  user: UserInfo;
  signal: AbortSignal;
}

export interface ApiResponse {
  status: number;
  contentType: string;
  headers?: Record<string, string | string[]>;
  /** A whole body, a list in pieces of about 256 KB, or a watch stream. */
  body: Buffer | Buffer[] | Readable;
}

/** The object path: authorization onward. Throws StatusError. */
export interface ApiHandler {
  handle(request: ApiRequest): Promise<ApiResponse>;
}
