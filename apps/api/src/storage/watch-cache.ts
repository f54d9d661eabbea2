import BTreeModule from 'sorted-btree';
import type { KubeObject } from '#apimachinery';
import { CacheEntry, type LineType, type ResourceFields, renderLine } from './cached-object.js';
import { EventRing, RingEvent } from './event-ring.js';
import { ObjectIndexes } from './object-index.js';
import { RingWatch, WaitingWatches, type WatchedCache } from './ring-watch.js';
import type { CacheWatch, ListResult, ObjectFilter, Revision, WatchCache } from './store.js';

// A CommonJS module: Node imports its exports as one object.
const BTree = BTreeModule.default;
type Tree = BTreeModule.default<string, CacheEntry>;

/** What a cache needs of the store that it is part of. */
export interface CacheHost {
  currentRevision(): Revision;
  compactedRevision(): Revision;
  /** Events of a resource in (from, to], at most `limit`, from the log; undefined when `from` is compacted. */
  readLog(cache: ObjectCache, from: Revision, to: Revision, limit: number): Promise<RingEvent[] | undefined>;
  now(): number;
}

export interface CacheLimits {
  ringBytes: number;
  /** How long events are kept. */
  windowMs: number;
  /** Paged lists whose state is kept, until their revision is compacted. */
  snapshots: number;
}

export interface Change {
  type: LineType;
  namespace: string;
  name: string;
  uid: string;
  revision: Revision;
  body: Buffer;
  /** What the body says, if a writer in this process left it. */
  object?: KubeObject;
}

export function cacheKey(namespace: string, name: string): string {
  return `${namespace}\0${name}`;
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function emptyTree(entries?: [string, CacheEntry][]): Tree {
  return new BTree<string, CacheEntry>(entries, compareKeys, 64);
}

/** The watch cache of one storage resource. All changes come in revision order, from one place, synchronously. */
export class ObjectCache implements WatchCache, WatchedCache {
  readonly resource: string;
  readonly waiting = new WaitingWatches();
  ring: EventRing;
  /** Changes taken in since the start. */
  changes = 0;
  /** Counts resets: watches of an earlier generation have expired. */
  generation = 0;
  private entries = new Map<string, CacheEntry>();
  private tree: Tree = emptyTree();
  private readonly indexes = new ObjectIndexes(this.entries);
  private readonly snapshots = new Map<Revision, Tree>();
  /** The newest clone of the tree, and whether the tree has changed since. */
  private clone: Tree | undefined;
  private closed = false;

  constructor(
    readonly fields: ResourceFields,
    readonly host: CacheHost,
    private readonly limits: CacheLimits,
  ) {
    this.resource = fields.resource;
    this.ring = new EventRing(host.currentRevision(), limits.ringBytes, limits.windowMs);
  }

  get size(): number {
    return this.entries.size;
  }

  currentRevision(): Revision {
    return this.host.currentRevision();
  }

  readLog(from: Revision, to: Revision, limit: number): Promise<RingEvent[] | undefined> {
    return this.host.readLog(this, from, to, limit);
  }

  get(namespace: string, name: string): CacheEntry | undefined {
    return this.entries.get(cacheKey(namespace, name));
  }

  list(options: Parameters<WatchCache['list']>[0]): ListResult | undefined {
    const current = this.host.currentRevision();
    const revision = options.at ?? current;
    const tree = revision === current ? this.tree : this.treeAt(revision);
    if (!tree) return undefined;
    const { namespace, filter, limit, after } = options;
    const result: ListResult = { revision, items: [] };
    const low = after ? `${cacheKey(after.namespace, after.name)}\0` : namespace === undefined ? '' : `${namespace}\0`;
    const high = namespace === undefined ? '\uffff' : `${namespace}\u0001`;
    const candidates = tree === this.tree ? this.candidates(filter) : undefined;
    const items = result.items;
    const room = limit || Number.POSITIVE_INFINITY;
    const take = (entry: CacheEntry): { break: true } | undefined => {
      if (filter && !filter.matches(entry)) return undefined;
      if (items.length === room) return { break: true };
      items.push(entry);
      return undefined;
    };
    let more = false;
    if (candidates) {
      for (const key of candidates) {
        if (key < low || key >= high) continue;
        if (take(this.entries.get(key)!)) {
          more = true;
          break;
        }
      }
    } else {
      const scanned: unknown = tree.forRange(low, high, false, (_key, entry) => take(entry) as any);
      more = scanned === true;
    }
    if (more) {
      const last = items[items.length - 1]!;
      result.next = { namespace: last.namespace, name: last.name };
      if (!filter) {
        result.remaining = tree.forRange(`${cacheKey(last.namespace, last.name)}\0`, high, false) as number;
      }
      this.keep(revision, tree);
    }
    return result;
  }

  watch(options: { from: Revision; namespace?: string; filter?: ObjectFilter }): CacheWatch | undefined {
    if (this.closed || options.from < this.host.compactedRevision()) return undefined;
    return new RingWatch(this, options.from, options.namespace, options.filter);
  }

  /** Takes in one change. The caller wakes the watches once the whole commit is in. */
  apply(change: Change): void {
    this.changes += 1;
    const key = cacheKey(change.namespace, change.name);
    const previous = this.entries.get(key);
    const { line, bytes } = renderLine(change.type, change.body, change.revision);
    const entry = new CacheEntry(this.fields, change.namespace, change.name, change.uid, change.revision, bytes);
    if (change.object) entry.adopt(change.object);
    this.clone = undefined;
    if (change.type === 'DELETED') {
      this.entries.delete(key);
      this.tree.delete(key);
      if (previous) this.indexes.removed(key, previous);
    } else {
      this.entries.set(key, entry);
      this.tree.set(key, entry);
      this.indexes.upserted(key, previous, entry);
    }
    this.ring.push(new RingEvent(change.type, entry, previous, this.host.now(), line));
  }

  /** Replaces everything, as after a start or when the log no longer reaches back. Watches expire. */
  reset(entries: Map<string, CacheEntry>, revision: Revision): void {
    this.entries = entries;
    this.tree = emptyTree([...entries].sort((a, b) => compareKeys(a[0], b[0])));
    this.indexes.reset(entries);
    this.snapshots.clear();
    this.clone = undefined;
    this.ring = new EventRing(revision, this.limits.ringBytes, this.limits.windowMs);
    this.generation++;
    this.waiting.wakeAll();
  }

  /** The store has this cache no more: its watches expire, and there are no others. */
  close(revision: Revision): void {
    this.closed = true;
    this.reset(new Map(), revision);
  }

  /** Lets go of what is out of the window. */
  prune(now: number): void {
    this.ring.prune(now);
    for (const revision of this.snapshots.keys()) {
      if (revision < this.host.compactedRevision()) this.snapshots.delete(revision);
    }
  }

  /** Keys of the objects that an index finds, in order; undefined when no index serves the filter. */
  private candidates(filter: ObjectFilter | undefined): string[] | undefined {
    if (filter?.equalField) {
      const { label, value } = filter.equalField;
      if (!label.startsWith('metadata.')) return [...this.indexes.byField(label, value)].sort(compareKeys);
    }
    if (filter?.equalLabel) {
      return [...this.indexes.byLabel(filter.equalLabel.key, filter.equalLabel.value)].sort(compareKeys);
    }
    return undefined;
  }

  private keep(revision: Revision, tree: Tree): void {
    if (this.snapshots.has(revision)) return;
    if (tree === this.tree) tree = this.clone ??= this.tree.clone();
    if (this.snapshots.size >= this.limits.snapshots) this.snapshots.delete(this.snapshots.keys().next().value!);
    this.snapshots.set(revision, tree);
  }

  /** The tree as it was at a revision: kept for a paged list, or made by undoing the events since. */
  private treeAt(revision: Revision): Tree | undefined {
    // However often its pages are read: a client is told to start anew some minutes after it began.
    if (revision < this.host.compactedRevision() || revision > this.host.currentRevision()) return undefined;
    const kept = this.snapshots.get(revision);
    if (kept) return kept;
    const first = this.ring.after(revision);
    if (first === undefined) return undefined;
    if (first === this.ring.end) return this.tree;
    const tree = this.tree.clone();
    for (let position = this.ring.end - 1; position >= first; position--) {
      const event = this.ring.at(position)!;
      const key = cacheKey(event.object.namespace, event.object.name);
      if (event.previous) tree.set(key, event.previous);
      else tree.delete(key);
    }
    return tree;
  }
}
