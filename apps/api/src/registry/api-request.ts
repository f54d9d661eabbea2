import type { KubeObject, Status, StatusError, UserInfo } from '#apimachinery';
import type { ResourceDefinition } from '#kinds';
import type { BodyAhead } from '../codec/body-ahead.js';
import type { YamlBody } from '../codec/yaml-body.js';
import type { YamlError } from '../codec/yaml-text.js';
import type { CachedObject, Revision } from '../storage/store.js';

/**
 * One API request on the object path, the same for HTTP callers and for in-process clients.
 * HTTP fills it from the path and headers; the in-process transport builds it directly.
 */
export interface ApiRequest {
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
  /**
   * The body as sent, or an object from an in-process caller (never kept, never changed). HTTP reads it when the request is
   * authorized.
   */
  body: Buffer | object | undefined;
  contentType: string;
  /** The body where it is large, once it is read; YAML is in `yaml`. */
  ahead?: BodyAhead;
  /** The body where it is YAML, once it is read; or why it cannot be. */
  yaml?: YamlBody | YamlError;
  userAgent: string;
  user: UserInfo;
  /** Aborted when the caller goes away, or its time is up: ends watches. A function, since few ask and a signal costs much. */
  signal: () => AbortSignal;
  /** What the URL and the method alone say against the request; the answer once it is authorized. */
  misdirected?: StatusError;
}

declare const AUTHORIZED: unique symbol;

/** A request that the authorizers have allowed. Nothing but `authorizeOrThrow` makes one, and nothing else is served. */
export type AuthorizedRequest = ApiRequest & { readonly [AUTHORIZED]: true };

/**
 * What the object path answers, before anybody chose bytes: HTTP renders it to JSON, YAML, Table or metadata only, and
 * in-process callers take the objects as they are. Anything with `cached` costs no serialization.
 */
export type ApiResult =
  | { kind: 'cached'; code: number; resource: ResourceDefinition; object: CachedObject }
  | { kind: 'object'; code: number; resource: ResourceDefinition | undefined; object: KubeObject | Status }
  | ListedResult
  | { kind: 'watch'; resource: ResourceDefinition; session: WatchSession };

export interface ListedResult {
  kind: 'list';
  resource: ResourceDefinition;
  revision: Revision;
  items: CachedObject[];
  continue?: string;
  remaining?: number;
}

/** One event of a watch, in the served version's terms. */
export interface WatchItem {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  /** For ADDED, MODIFIED, DELETED. */
  object?: CachedObject;
  /** The watch line as served, shared by all watchers that see the event alike. */
  line?: () => Buffer;
  /** For BOOKMARK and ERROR. */
  literal?: KubeObject | Status;
}

/** A running watch: batches in order; undefined at its end. */
export interface WatchSession {
  next(): Promise<WatchItem[] | undefined>;
  stop(): void;
}

/** Collects what the response says beside its body. */
export interface ResponseNotes {
  /** Texts of Warning headers, in order. */
  warnings: string[];
}

/** The object path, in two steps: a caller has something to do in between, such as reading a body. Both throw StatusError. */
export interface ApiHandler {
  authorize(request: ApiRequest): Promise<AuthorizedRequest>;
  handle(request: AuthorizedRequest, notes: ResponseNotes): Promise<ApiResult>;
}
