/**
 * The store's contract. Storage alone knows SQL; everybody else sees this file and the watch cache.
 * Objects are bytes: serialized JSON that begins `{"apiVersion":...,"kind":...,"metadata":{` and has no resourceVersion.
 */

import type { KubeObject } from '#apimachinery';
import type { Conversion } from '#kinds';

/** A commit revision. Safe integers all the way: 2^53 commits last longer than any cluster. */
export type Revision = number;

export interface ObjectKey {
  /** Storage resource: `pods`, `apps/deployments`. */
  resource: string;
  /** '' for cluster-scoped objects. */
  namespace: string;
  name: string;
}

/** What one commit changes and what must hold for it. All or nothing. */
export interface WriteSet {
  writes: Write[];
  guards?: Guard[];
  counters?: CounterDelta[];
}

/** A sum that writes change and that limits hold for: what a quota counts. */
export interface CounterKey {
  namespace: string;
  name: string;
}

/**
 * Adds to a counter with the writes of its set, if they are committed. A counter that nobody wrote is 0. Deltas of one batch add up;
 * one above 0 that would take the counter beyond `limit` refuses its set. Limits are safe integers. Sums beyond `LARGEST_SUM`, and
 * deltas that bring them back, are about right: they stand for more than any limit.
 */
export interface CounterDelta {
  counter: CounterKey;
  delta: number;
  /** Undefined: none. */
  limit?: number;
}

/** Where sums end, up and down. */
export const LARGEST_SUM = 2 ** 61;

/** Counters at a revision: all commits up to it are in them, and none after it. */
export interface CounterReading {
  revision: Revision;
  /** By the name of the counter. One that nobody wrote is not there. */
  values: ReadonlyMap<string, number>;
}

export interface ExceededCounter {
  counter: CounterKey;
  /** The sum without the refused set. */
  used: number;
  requested: number;
  limit: number;
}

/**
 * `object` is what `body` says, when the writer has it at hand and needs it no more: once the write is committed it is frozen and
 * becomes what readers of the cache get, who would parse the body again otherwise.
 */
export type Write =
  | { op: 'create'; key: ObjectKey; uid: string; body: Buffer; object?: KubeObject }
  /** `ifRevision` is the revision that the writer read: the registry always gives it. */
  | { op: 'update'; key: ObjectKey; uid: string; body: Buffer; object?: KubeObject; ifRevision: Revision }
  /** `body` is the object's last state, which the DELETED event carries. */
  | { op: 'delete'; key: ObjectKey; uid: string; body: Buffer; ifRevision: Revision };

/** The store cannot be reached, or refuses writes. The write was not committed: 503. */
export class StoreUnavailable extends Error {
  override readonly name: string = 'StoreUnavailable';
}

/** The answer to a commit was lost and could not be found out in time. It may or may not be committed: 504. */
export class StoreOutcomeUnknown extends Error {
  override readonly name: string = 'StoreOutcomeUnknown';
}

/** Conditions on objects that the set does not write. */
export type Guard =
  | { kind: 'exists'; key: ObjectKey; uid?: string }
  | { kind: 'absent'; key: ObjectKey }
  | { kind: 'revision'; key: ObjectKey; revision: Revision };

export type CommitFailure =
  /** A create found the name taken. */
  | { reason: 'exists'; key: ObjectKey }
  /** An update, delete or guard found nothing there. */
  | { reason: 'missing'; key: ObjectKey }
  /** The object is there at another revision or with another uid. */
  | { reason: 'conflict'; key: ObjectKey }
  /** Limits of counters stand against the set, whose first write is of `key`. */
  | { reason: 'exceeded'; key: ObjectKey; counters: ExceededCounter[] };

/** `revisions` has one entry a write, in order; `revision` is the last of them. */
export type CommitResult =
  | { ok: true; revision: Revision; revisions: Revision[] }
  | { ok: false; failure: CommitFailure };

export interface Store {
  /**
   * Resolves when the set is durable and this replica's cache has it. Never guesses an unknown outcome.
   * Rejects with StoreUnavailable or StoreOutcomeUnknown. A set writes an object at most once.
   */
  commit(set: WriteSet): Promise<CommitResult>;
  /**
   * The counters of a namespace whose names begin with `prefix`. Resolves when this replica's caches have reached the revision of the
   * reading. Rejects with StoreUnavailable.
   */
  readCounters(namespace: string, prefix: string): Promise<CounterReading>;
  /** Forgets such counters: what they counted for is gone. */
  dropCounters(namespace: string, prefix: string): Promise<void>;
  /**
   * Forgets the counters named `<prefix><uid>/...` that no object of a resource in their namespace has the uid of. Gives the number of
   * them.
   */
  dropOrphanedCounters(prefix: string, resource: string): Promise<number>;
  /** Cache of one storage resource. All objects are loaded at start. */
  cache(resource: string): WatchCache;
  /** Drops the cache of a resource that is served no more, unless it has objects. What still has the cache reads that nothing is there. */
  forget(resource: string): void;
  /** Resolves once this replica's caches are at least at PostgreSQL's revision at the time of the call. */
  readBarrier(): Promise<Revision>;
  /** The newest revision that this replica's caches hold. */
  currentRevision(): Revision;
  /** Revisions at or below this are gone from the watch log: 410. */
  compactedRevision(): Revision;
  /** Bytes that the database takes on disk. */
  sizeBytes(): Promise<number>;
  /** Fails with the reason when PostgreSQL cannot be reached: for readyz. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** An object as the cache holds it. Treat buffers and `parsed` as frozen. */
export interface CachedObject {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly revision: Revision;
  /** Stored version's JSON with resourceVersion spliced in: what a get answers. */
  readonly bytes: Buffer;
  /**
   * Bytes as another served version says them; made on first use, kept while the entry and the conversion live. Throws for a
   * conversion that takes time, unless it was made ahead: see convertAhead.
   */
  bytesFor(servedVersion: ServedVersion): Buffer;
  isConverted(servedVersion: ServedVersion): boolean;
  keepConverted(servedVersion: ServedVersion, object: KubeObject): void;
  /** Objects stay as they were written: those of one resource may be of several versions. */
  isStoredAs(servedVersion: ServedVersion): boolean;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Value of a field label of the resource; '' when unset. */
  field(label: string): string;
  /** The parsed object, frozen, made on demand and dropped when memory asks for it. */
  parse(): any;
  /** The same for who looks at it once: it is not kept for others. */
  peek(): any;
}

export interface ServedVersion {
  apiVersion: string;
  conversion: Conversion;
}

export type CacheEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface CacheEvent {
  readonly type: CacheEventType;
  readonly revision: Revision;
  /** For DELETED: the last state, with the revision of the deletion as its resourceVersion. */
  readonly object: CachedObject;
  /** The state before, for selectors that an object enters or leaves. Undefined for ADDED. */
  readonly previous: CachedObject | undefined;
  /** The watch line `{"type":...,"object":...}\n`, made once and shared by all watchers. */
  line(servedVersion?: ServedVersion, type?: CacheEventType): Buffer;
}

/** Decides which objects a list or a watch sees. `label` and `field` give an exact-match requirement that an index may serve. */
export interface ObjectFilter {
  matches(object: CachedObject): boolean;
  equalLabel?: { key: string; value: string };
  equalField?: { label: string; value: string };
}

export interface ListResult {
  revision: Revision;
  items: CachedObject[];
  /** Set when more follow: position for the next page at the same revision. */
  next?: { namespace: string; name: string };
  remaining?: number;
}

export interface CacheWatch {
  /** Undefined once `stop` was called or the reader fell too far behind (`expired` is then true). */
  next(): Promise<CacheEvent[] | undefined>;
  readonly expired: boolean;
  /** The revision up to which everything has been delivered: what a bookmark may say. */
  readonly revision: Revision;
  stop(): void;
}

export interface WatchCache {
  readonly resource: string;
  get(namespace: string, name: string): CachedObject | undefined;
  /** namespace undefined: all. `at` reads an exact revision, undefined when it is no longer kept. */
  list(options: {
    namespace?: string;
    filter?: ObjectFilter;
    limit?: number;
    after?: { namespace: string; name: string };
    at?: Revision;
  }): ListResult | undefined;
  /**
   * Events after `from`; undefined when `from` is compacted (410). With a filter, events whose object matches neither now nor
   * before are left out, and a watch by `equalField` costs nothing for events of other values.
   */
  watch(options: { from: Revision; namespace?: string; filter?: ObjectFilter }): CacheWatch | undefined;
  /** Objects now. */
  readonly size: number;
  /** Changes taken in since the start. */
  readonly changes: number;
}
