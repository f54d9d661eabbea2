import type { KubeObject, Status } from '#apimachinery';
import type { ResourceDefinition } from '#kinds';
import type { CachedObject, Revision } from '../storage/store.js';

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
  /** Undefined for a list of nothing that is stored. */
  revision: Revision | undefined;
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
  /** Whether the objects that there were at its beginning are given out; absent: it begins with none. */
  readonly isInitialized?: boolean;
  next(): Promise<WatchItem[] | undefined>;
  stop(): void;
}
