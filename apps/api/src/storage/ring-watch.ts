import { setTimeout as sleep } from 'node:timers/promises';
import type { EventRing, RingEvent } from './event-ring.js';
import type { CacheEvent, CacheWatch, ObjectFilter, Revision } from './store.js';

/** Events that one call of `next` hands out at most. */
const PAGE = 500;

/** The cache whose events a watch reads. */
export interface WatchedCache {
  readonly ring: EventRing;
  readonly waiting: WaitingWatches;
  /** Counts resets: watches of an earlier generation have expired. */
  readonly generation: number;
  currentRevision(): Revision;
  /** Events in (from, to], at most `limit`, from the log; undefined when `from` is compacted. */
  readLog(from: Revision, to: Revision, limit: number): Promise<RingEvent[] | undefined>;
}

/** A reader of one resource's events: of the ring, and of the log where the ring does not reach back. */
export class RingWatch implements CacheWatch {
  expired = false;
  private stopped = false;
  private readonly generation: number;
  /** Everything up to here has been handed out. */
  private delivered: Revision;
  /** Next event to read; undefined while the log is read. */
  private position: number | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly cache: WatchedCache,
    from: Revision,
    private readonly namespace: string | undefined,
    readonly filter: ObjectFilter | undefined,
  ) {
    this.delivered = from;
    this.generation = cache.generation;
    this.position = cache.ring.after(from);
  }

  get revision(): Revision {
    // Nothing is left to hand out: what the cache has, this watch has.
    if (this.wake && !this.ended) return Math.max(this.delivered, this.cache.currentRevision());
    return this.delivered;
  }

  async next(): Promise<CacheEvent[] | undefined> {
    while (!this.ended) {
      if (this.position !== undefined && !this.cache.ring.has(this.position)) this.position = undefined;
      const events = this.position === undefined ? await this.readLog() : this.readRing(this.position);
      if (events.length > 0) return this.ended ? undefined : events;
      if (this.position === this.cache.ring.end && !this.ended) await this.wait();
    }
    return undefined;
  }

  stop(): void {
    this.stopped = true;
    this.cache.waiting.remove(this);
    this.resume(undefined);
  }

  wants(event: CacheEvent): boolean {
    const { object, previous } = event;
    if (this.namespace !== undefined && object.namespace !== this.namespace) return false;
    if (event.revision <= this.delivered) return false;
    const { filter } = this;
    return !filter || filter.matches(object) || (previous !== undefined && filter.matches(previous));
  }

  /** Ends a wait. `position`: of the event that ended it; all before it are of no interest. */
  resume(position: number | undefined): void {
    const wake = this.wake;
    if (!wake) return;
    this.wake = undefined;
    if (position !== undefined) this.position = position;
    wake();
  }

  /** Ends a wait for events that the ring could not hold: they are read from the log, which goes on after `seen`. */
  resumeFromLog(seen: Revision): void {
    this.delivered = Math.max(this.delivered, seen);
    this.position = undefined;
    this.resume(undefined);
  }

  private get ended(): boolean {
    if (this.generation !== this.cache.generation) this.expired = true;
    return this.stopped || this.expired;
  }

  private readRing(position: number): CacheEvent[] {
    const { ring } = this.cache;
    const events: CacheEvent[] = [];
    const end = ring.end;
    while (position < end && events.length < PAGE) {
      const event = ring.at(position++)!;
      if (this.wants(event)) events.push(event);
    }
    this.position = position;
    const seen = position === end ? this.cache.currentRevision() : ring.at(position - 1)!.revision;
    this.delivered = Math.max(this.delivered, seen);
    return events;
  }

  private async readLog(): Promise<CacheEvent[]> {
    const to = this.cache.ring.start;
    let events: RingEvent[] | undefined;
    try {
      events = await this.cache.readLog(this.delivered, to, PAGE);
    } catch {
      // PostgreSQL is away: the watch goes on when it is back.
      await sleep(250, undefined, { ref: false });
      return [];
    }
    if (!events) {
      this.expired = true;
      return [];
    }
    const wanted = events.filter((event) => this.wants(event));
    this.delivered = events.length < PAGE ? to : events[events.length - 1]!.revision;
    this.position = this.cache.ring.after(this.delivered);
    return wanted;
  }

  private wait(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      this.cache.waiting.add(this);
    });
  }
}

/**
 * The watches of a resource that wait for events. Those with an exact field requirement (a node's agent waits for the pods of its
 * node) are found by the field's value, so that an event costs nothing for the thousands it does not concern.
 */
export class WaitingWatches {
  private readonly all = new Set<RingWatch>();
  private readonly byField = new Map<string, Map<string, Set<RingWatch>>>();

  add(watch: RingWatch): void {
    const field = watch.filter?.equalField;
    if (!field) {
      this.all.add(watch);
      return;
    }
    let values = this.byField.get(field.label);
    if (!values) this.byField.set(field.label, (values = new Map()));
    const set = values.get(field.value);
    if (set) set.add(watch);
    else values.set(field.value, new Set([watch]));
  }

  remove(watch: RingWatch): void {
    this.all.delete(watch);
    const field = watch.filter?.equalField;
    if (!field) return;
    const values = this.byField.get(field.label);
    const set = values?.get(field.value);
    set?.delete(watch);
    if (set?.size === 0) values!.delete(field.value);
    if (values?.size === 0) this.byField.delete(field.label);
  }

  /** Wakes the watches that want an event. */
  announce(event: CacheEvent, position: number): void {
    for (const watch of this.all) this.offer(watch, event, position);
    for (const [label, values] of this.byField) {
      const now = event.object.field(label);
      for (const watch of values.get(now) ?? []) this.offer(watch, event, position);
      const before = event.previous?.field(label);
      if (before === undefined || before === now) continue;
      for (const watch of values.get(before) ?? []) this.offer(watch, event, position);
    }
  }

  /** Wakes all; `seen`: the revision up to which they missed nothing, when the ring could not hold what came then. */
  wakeAll(seen?: Revision): void {
    const watches = [...this.all, ...[...this.byField.values()].flatMap((v) => [...v.values()].flatMap((s) => [...s]))];
    for (const watch of watches) {
      this.remove(watch);
      if (seen === undefined) watch.resume(undefined);
      else watch.resumeFromLog(seen);
    }
  }

  private offer(watch: RingWatch, event: CacheEvent, position: number): void {
    if (!watch.wants(event)) return;
    this.remove(watch);
    watch.resume(position);
  }
}
