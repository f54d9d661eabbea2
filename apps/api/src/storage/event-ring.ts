import { type CacheEntry, type LineType, watchLine } from './cached-object.js';
import type { CacheEvent, CacheEventType, Revision, ServedVersion } from './store.js';

/** One change, with the line that all its watchers share. */
export class RingEvent implements CacheEvent {
  /** By type, then by the conversion: lines go with a version that is served no more. */
  private lines: Map<LineType, WeakMap<object, Buffer>> | undefined;

  constructor(
    readonly type: CacheEventType,
    readonly object: CacheEntry,
    readonly previous: CacheEntry | undefined,
    /** Milliseconds since the epoch at which this replica learned of it. */
    readonly at: number,
    /** The line in the stored version; made at once with the object's bytes, or on first use. */
    private stored: Buffer | undefined,
  ) {}

  get revision(): Revision {
    return this.object.revision;
  }

  /** Bytes it keeps in memory. */
  get size(): number {
    return this.object.bytes.length + 512;
  }

  line(version?: ServedVersion, type: LineType = this.type): Buffer {
    if (!version && type === this.type) return (this.stored ??= watchLine(type, this.object.bytes));
    const key = version?.conversion ?? this;
    let ofType = this.lines?.get(type);
    let line = ofType?.get(key);
    if (!line) {
      line = watchLine(type, version ? this.object.bytesFor(version) : this.object.bytes);
      this.lines ??= new Map();
      if (!ofType) this.lines.set(type, (ofType = new WeakMap()));
      ofType.set(key, line);
    }
    return line;
  }
}

/** The latest events of one resource, bounded by bytes and age. Older ones are in the log. Positions count from 0, for ever. */
export class EventRing {
  private events: RingEvent[] = [];
  private head = 0;
  private dropped = 0;
  private bytes = 0;

  /** `start`: the revision of the state that the first event changes. */
  constructor(
    public start: Revision,
    private readonly maxBytes: number,
    private readonly maxAgeMs: number,
  ) {}

  get end(): number {
    return this.dropped + this.events.length - this.head;
  }

  push(event: RingEvent): void {
    this.events.push(event);
    this.bytes += event.size;
    while (this.bytes > this.maxBytes && this.events.length - this.head > 1) this.drop();
  }

  /** Drops what is older than the watch log. */
  prune(now: number): void {
    while (this.head < this.events.length && this.events[this.head]!.at < now - this.maxAgeMs) this.drop();
  }

  /** The event at a position; undefined when it was dropped or is not there yet. */
  at(position: number): RingEvent | undefined {
    const index = position - this.dropped;
    return index < 0 ? undefined : this.events[this.head + index];
  }

  /** Position of the first event after a revision; undefined when events after it were dropped. */
  after(revision: Revision): number | undefined {
    if (revision < this.start) return undefined;
    let low = this.head;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.dropped + low - this.head;
  }

  has(position: number): boolean {
    return position >= this.dropped;
  }

  private drop(): void {
    const event = this.events[this.head]!;
    this.start = event.revision;
    this.bytes -= event.size;
    this.events[this.head] = undefined as unknown as RingEvent;
    this.head++;
    this.dropped++;
    if (this.head > 1024 && this.head * 2 > this.events.length) {
      this.events = this.events.slice(this.head);
      this.head = 0;
    }
  }
}
