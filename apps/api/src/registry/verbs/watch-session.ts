import { asStatusError, expired, type KubeObject } from '#apimachinery';
import type { ResourceDefinition } from '#kinds';
import { convertAhead } from '../../storage/converted-objects.js';
import type {
  CachedObject,
  CacheEvent,
  CacheWatch,
  ObjectFilter,
  Revision,
  ServedVersion,
} from '../../storage/store.js';
import type { WatchItem, WatchSession } from '../api-result.js';

export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** Initial objects go out in batches, so that a big start does not hold the event loop. */
const INITIAL_BATCH = 500;
const BOOKMARK_PERIOD_MS = 60_000;
/** A last bookmark this long before the end lets the client resume where it stopped. */
const LAST_BOOKMARK_MS = 2_000;

export interface WatchSessionOptions {
  resource: ResourceDefinition;
  apiVersion: string;
  served: ServedVersion | undefined;
  filter: ObjectFilter | undefined;
  watch: CacheWatch;
  /** State to send as ADDED first. */
  initial: readonly CachedObject[];
  /** Events up to here are not shown: the client has them. */
  from: Revision;
  bookmarks: boolean;
  /** Says with an annotated bookmark that the initial events are over; the revision that they show. */
  endOfInitial?: Revision;
  timeoutMs: number;
}

/** One client's watch: initial state, then filtered events, with bookmarks in between. Pull-driven: it never runs ahead. */
export class CacheWatchSession implements WatchSession {
  private readonly queue: WatchItem[][] = [];
  private waiter: ((items: WatchItem[] | undefined) => void) | undefined;
  private position = 0;
  private pulling = false;
  private ended = false;
  private delivered: Revision;
  private readonly bookmarkTimer: NodeJS.Timeout | undefined;
  private readonly lastBookmarkTimer: NodeJS.Timeout | undefined;
  private readonly endTimer: NodeJS.Timeout;
  private initialDone: boolean;

  constructor(
    private readonly options: WatchSessionOptions,
    /** Called once, when it is over. */
    private readonly onEnd: () => void = () => {},
  ) {
    this.delivered = options.from;
    this.initialDone = options.initial.length === 0 && options.endOfInitial === undefined;
    if (options.bookmarks) {
      const period = Math.round(BOOKMARK_PERIOD_MS * (0.95 + Math.random() * 0.1));
      this.bookmarkTimer = setInterval(() => this.bookmark(), period);
      if (options.timeoutMs > LAST_BOOKMARK_MS) {
        this.lastBookmarkTimer = setTimeout(() => this.bookmark(), options.timeoutMs - LAST_BOOKMARK_MS);
      }
    }
    this.endTimer = setTimeout(() => this.finish(), options.timeoutMs);
  }

  get isInitialized(): boolean {
    return this.initialDone;
  }

  async next(): Promise<WatchItem[] | undefined> {
    if (!this.initialDone) return this.nextInitial();
    const queued = this.queue.shift();
    if (queued) return queued;
    if (this.ended) return undefined;
    return new Promise((resolve) => {
      this.waiter = resolve;
      if (!this.pulling) this.pull().catch((error) => this.fail(error));
    });
  }

  stop(): void {
    this.finish();
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.bookmarkTimer);
    clearTimeout(this.lastBookmarkTimer);
    clearTimeout(this.endTimer);
    this.options.watch.stop();
    this.waiter?.(undefined);
    this.waiter = undefined;
    this.onEnd();
  }

  private async nextInitial(): Promise<WatchItem[]> {
    const { initial, served, endOfInitial } = this.options;
    const objects = initial.slice(this.position, this.position + INITIAL_BATCH);
    const converting = convertAhead(served, objects);
    if (converting) await converting;
    const batch = objects.map(
      (object): WatchItem => ({ type: 'ADDED', object, line: () => objectLine('ADDED', object, served) }),
    );
    this.position += batch.length;
    if (this.position >= initial.length) {
      this.initialDone = true;
      if (endOfInitial !== undefined) batch.push(this.bookmarkItem(endOfInitial, true));
    }
    return batch;
  }

  private async pull(): Promise<void> {
    this.pulling = true;
    try {
      while (!this.ended && this.waiter) {
        const events = await this.options.watch.next();
        if (events === undefined) {
          if (this.options.watch.expired && !this.ended) this.emit([expiredItem(this.delivered)]);
          this.finish();
          return;
        }
        const converting = convertAhead(this.options.served, statesOf(events));
        if (converting) await converting;
        const items: WatchItem[] = [];
        for (const event of events) {
          if (event.revision <= this.options.from) continue;
          const item = showEvent(event, this.options.filter, this.options.served);
          if (item) items.push(item);
        }
        const newest = events.at(-1);
        if (newest) this.delivered = newest.revision;
        if (items.length > 0) this.emit(items);
      }
    } finally {
      this.pulling = false;
    }
  }

  /** The client is told why, and lists again. */
  private fail(error: unknown): void {
    if (!this.ended) this.emit([{ type: 'ERROR', literal: asStatusError(error).status }]);
    this.finish();
  }

  private emit(items: WatchItem[]): void {
    const waiter = this.waiter;
    if (waiter) {
      this.waiter = undefined;
      waiter(items);
    } else {
      this.queue.push(items);
    }
  }

  private bookmark(): void {
    // While a batch waits to be read, what the cache has delivered is not yet what the client has.
    if (this.ended || !this.initialDone || this.queue.length > 0 || !this.waiter) return;
    const revision = Math.max(this.options.watch.revision, this.options.from);
    this.emit([this.bookmarkItem(revision, false)]);
  }

  private bookmarkItem(revision: Revision, endOfInitial: boolean): WatchItem {
    return { type: 'BOOKMARK', literal: bookmarkObject(this.options, revision, endOfInitial) };
  }
}

function bookmarkObject(options: WatchSessionOptions, revision: Revision, endOfInitial: boolean): KubeObject {
  const metadata: KubeObject['metadata'] = { resourceVersion: String(revision) };
  if (endOfInitial) metadata.annotations = { [INITIAL_EVENTS_END]: 'true' };
  return { kind: options.resource.kind, apiVersion: options.apiVersion, metadata };
}

/** What a watcher sees of an event: entering its selection is ADDED, leaving it DELETED. */
function showEvent(
  event: CacheEvent,
  filter: ObjectFilter | undefined,
  served: ServedVersion | undefined,
): WatchItem | undefined {
  if (filter === undefined) return { type: event.type, object: event.object, line: () => event.line(served) };
  const before = event.previous !== undefined && filter.matches(event.previous);
  if (event.type === 'DELETED') {
    const seen = before || filter.matches(event.object);
    return seen ? { type: 'DELETED', object: event.object, line: () => event.line(served) } : undefined;
  }
  if (filter.matches(event.object)) {
    const type = before ? 'MODIFIED' : 'ADDED';
    return { type, object: event.object, line: () => event.line(served, type) };
  }
  if (!before) return undefined;
  return leavingItem(event, served);
}

/** The state before, which is what the watcher knew, at the revision of the change that made it leave. */
function leavingItem(event: CacheEvent, served: ServedVersion | undefined): WatchItem {
  const previous = event.previous!;
  const object: CachedObject = {
    namespace: previous.namespace,
    name: previous.name,
    uid: previous.uid,
    revision: event.revision,
    labels: previous.labels,
    get bytes() {
      return withRevision(previous.bytes, previous.revision, event.revision);
    },
    bytesFor: (version) => withRevision(previous.bytesFor(version), previous.revision, event.revision),
    isConverted: (version) => previous.isConverted(version),
    keepConverted: (version, object) => previous.keepConverted(version, object),
    isStoredAs: (version) => previous.isStoredAs(version),
    field: (label) => previous.field(label),
    parse: () => atRevision(previous.parse(), event.revision),
    peek: () => atRevision(previous.peek(), event.revision),
  };
  return { type: 'DELETED', object, line: () => objectLine('DELETED', object, served) };
}

function atRevision(state: KubeObject, revision: Revision): KubeObject {
  return { ...state, metadata: { ...state.metadata, resourceVersion: String(revision) } };
}

function withRevision(bytes: Buffer, from: Revision, to: Revision): Buffer {
  const old = `"resourceVersion":"${from}"`;
  const at = bytes.indexOf(old);
  if (at < 0) return bytes;
  return Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from(`"resourceVersion":"${to}"`),
    bytes.subarray(at + old.length),
  ]);
}

const LINE_END = Buffer.from('}\n');

export function objectLine(type: string, object: CachedObject, served: ServedVersion | undefined): Buffer {
  const bytes = served ? object.bytesFor(served) : object.bytes;
  return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), bytes, LINE_END]);
}

/** What a filter looks at, and what may be shown. */
function statesOf(events: readonly CacheEvent[]): CachedObject[] {
  return events.flatMap(({ object, previous }) => (previous ? [object, previous] : [object]));
}

/** In-stream 410: the client must list again. */
export function expiredItem(from: Revision, compacted?: Revision): WatchItem {
  const suffix = compacted === undefined ? '' : ` (${compacted})`;
  return { type: 'ERROR', literal: expired(`too old resource version: ${from}${suffix}`).status };
}

/** A watch that only says that it cannot begin; the HTTP status stays 200, as clients expect. */
export function failedWatch(item: WatchItem): WatchSession {
  let pending: WatchItem[] | undefined = [item];
  return {
    async next() {
      const items = pending;
      pending = undefined;
      return items;
    },
    stop() {
      pending = undefined;
    },
  };
}
