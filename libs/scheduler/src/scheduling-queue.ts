import type { Clock, Timer } from '#client';
import { ANY_EVENT, ClusterEvent, eventLabel, QUEUE_REASONS } from './cluster-event.js';
import { Heap } from './heap.js';

/** Milliseconds: `podInitialBackoffSeconds` and `podMaxBackoffSeconds`. */
export const INITIAL_BACKOFF = 1_000;
export const MAX_BACKOFF = 10_000;
/** A pod is not left waiting for events longer than this. */
export const LONGEST_WAIT = 300_000;
/** How often that is looked at. */
const FLUSH_INTERVAL = 30_000;

export interface Queued<T> {
  readonly item: T;
  priority: number;
  /** When the pod entered the queue, in milliseconds; among equal priorities the older goes first. */
  readonly timestamp: number;
  sequence: number;
  attempts: number;
  /** Not before this time. */
  backoffUntil: number;
  /** When the pod began to wait. */
  waitingSince: number;
  /** Events that may help. */
  hints: number;
  /** Plugins that rejected the pod the last time. */
  rejectedBy: readonly string[];
  place: 'active' | 'backoff' | 'unschedulable' | 'in flight' | 'gone';
}

export type QueueName = 'active' | 'backoff' | 'unschedulable';

export interface SchedulingQueueOptions {
  clock: Clock;
  /** Called when there may be something to pop. */
  ready(): void;
  /** Told of each pod that comes into a queue, and why. */
  came?(queue: QueueName, event: string): void;
}

/**
 * The pods that wait for a node. `active`: to be decided next, by priority and age; `backoff`: a try may help, but not so
 * soon after the last; `unschedulable`: nothing has happened yet that could help. Meaning and times are those of
 * kube-scheduler's PriorityQueue.
 */
export class SchedulingQueue<T> {
  private readonly active: Heap<Queued<T>>;
  private readonly backoff: Heap<Queued<T>>;
  /** Pods in back-off for another reason than nodes. */
  private readonly failedPods: Heap<Queued<T>>;
  private readonly unschedulablePods = new Set<Queued<T>>();
  private readonly entries = new Map<T, Queued<T>>();
  private readonly clock: Clock;
  private readonly ready: () => void;
  private readonly came: (queue: QueueName, event: string) => void;
  /** Events since the pods now in flight were popped: the decision may not have seen them. */
  private missed = 0;
  private inFlight = 0;
  private sequence = 0;
  private wakeUp: { at: number; timer: Timer } | undefined;
  private flush: Timer | undefined;

  constructor({ clock, ready, came = () => {} }: SchedulingQueueOptions) {
    this.clock = clock;
    this.ready = ready;
    this.came = came;
    const older = (a: Queued<T>, b: Queued<T>) =>
      a.timestamp !== b.timestamp ? a.timestamp < b.timestamp : a.sequence < b.sequence;
    this.active = new Heap((a, b) => (a.priority !== b.priority ? a.priority > b.priority : older(a, b)));
    const sooner = (a: Queued<T>, b: Queued<T>) =>
      a.backoffUntil !== b.backoffUntil ? a.backoffUntil < b.backoffUntil : older(a, b);
    this.backoff = new Heap(sooner);
    this.failedPods = new Heap(sooner);
  }

  get sizes(): { active: number; backoff: number; unschedulable: number } {
    return {
      active: this.active.size,
      backoff: this.backoff.size + this.failedPods.size,
      unschedulable: this.unschedulablePods.size,
    };
  }

  /** How many pods that wait each plugin has rejected. */
  get rejections(): Map<string, number> {
    const found = new Map<string, number>();
    for (const { rejectedBy, place } of this.entries.values()) {
      if (place !== 'unschedulable' && place !== 'backoff') continue;
      for (const plugin of rejectedBy) found.set(plugin, (found.get(plugin) ?? 0) + 1);
    }
    return found;
  }

  /** A pod that needs a node. Adding it again does nothing. */
  add(item: T, priority: number): void {
    if (this.entries.has(item)) return;
    const entry: Queued<T> = {
      item,
      priority,
      timestamp: this.clock.now(),
      sequence: this.sequence++,
      attempts: 0,
      backoffUntil: 0,
      waitingSince: 0,
      hints: 0,
      rejectedBy: [],
      place: 'gone',
    };
    this.entries.set(item, entry);
    this.activate(entry, QUEUE_REASONS.added);
  }

  /** The pod itself changed in a way that may help. */
  changed(item: T, priority: number): void {
    const entry = this.entries.get(item);
    if (!entry) return;
    if (entry.place === 'active') {
      this.active.remove(entry);
      entry.priority = priority;
      this.active.push(entry);
      return;
    }
    entry.priority = priority;
    if (entry.place === 'unschedulable') this.move(entry, QUEUE_REASONS.changed);
    else if (entry.place === 'in flight') this.missed = ANY_EVENT;
  }

  /** The pod has a node, or is gone. */
  remove(item: T): void {
    const entry = this.entries.get(item);
    if (!entry) return;
    this.entries.delete(item);
    this.active.remove(entry);
    this.backoff.remove(entry);
    this.failedPods.remove(entry);
    this.unschedulablePods.delete(entry);
    entry.place = 'gone';
  }

  /** The next pods in order, at most `limit`. Pods in back-off are taken early when no other is left: idling gains nothing. */
  pop(limit: number): Queued<T>[] {
    this.promote();
    if (this.inFlight === 0) this.missed = 0;
    const batch: Queued<T>[] = [];
    while (batch.length < limit) {
      const entry = this.active.pop() ?? this.backoff.pop();
      if (!entry) break;
      entry.place = 'in flight';
      entry.rejectedBy = [];
      entry.attempts++;
      batch.push(entry);
    }
    this.inFlight += batch.length;
    return batch;
  }

  /** The popped pod got a node. It stays known until `remove`, so that a failed binding finds it. */
  decided(_entry: Queued<T>): void {
    this.inFlight--;
  }

  /** No node for the popped pod; `hints`: the events that may help. */
  unschedulable(entry: Queued<T>, hints: number, rejectedBy: readonly string[] = []): void {
    this.inFlight--;
    if (entry.place !== 'in flight') return;
    entry.hints = hints;
    entry.rejectedBy = rejectedBy;
    entry.waitingSince = this.clock.now();
    entry.backoffUntil = entry.waitingSince + backoff(entry.attempts);
    if (this.missed & entry.hints) this.move(entry, QUEUE_REASONS.failed);
    else {
      entry.place = 'unschedulable';
      this.unschedulablePods.add(entry);
      this.came('unschedulable', QUEUE_REASONS.failed);
      this.scheduleFlush();
    }
  }

  /** Something went wrong that has nothing to do with nodes: try again after a while, and not earlier. */
  failed(entry: Queued<T>): void {
    if (entry.place !== 'in flight') return;
    entry.backoffUntil = this.clock.now() + backoff(entry.attempts);
    entry.place = 'backoff';
    this.failedPods.push(entry);
    this.came('backoff', QUEUE_REASONS.failed);
    this.arm();
  }

  /** Something happened: pods that wait for it move on. */
  happened(events: number): void {
    if (events === 0) return;
    this.missed |= events;
    for (const entry of this.unschedulablePods) {
      if (entry.hints & events) this.move(entry, eventLabel(entry.hints & events));
    }
  }

  /** Something happened that only these pods can wait for. */
  happenedTo(items: Iterable<T>, events: number): void {
    for (const item of items) {
      const entry = this.entries.get(item);
      if (entry?.place === 'in flight') this.missed |= events;
      else if (entry?.place === 'unschedulable' && entry.hints & events) this.move(entry, eventLabel(events));
    }
  }

  close(): void {
    this.wakeUp?.timer.cancel();
    this.flush?.cancel();
    this.wakeUp = undefined;
    this.flush = undefined;
  }

  private move(entry: Queued<T>, why: string): void {
    this.unschedulablePods.delete(entry);
    if (entry.backoffUntil <= this.clock.now()) this.activate(entry, why);
    else this.toBackoff(entry, why);
  }

  private activate(entry: Queued<T>, why: string): void {
    entry.place = 'active';
    this.active.push(entry);
    this.came('active', why);
    this.ready();
  }

  private toBackoff(entry: Queued<T>, why: string): void {
    entry.place = 'backoff';
    this.backoff.push(entry);
    this.came('backoff', why);
    this.ready();
  }

  private promote(): void {
    const now = this.clock.now();
    for (const heap of [this.backoff, this.failedPods]) {
      for (let entry = heap.peek(); entry && entry.backoffUntil <= now; entry = heap.peek()) {
        heap.pop();
        entry.place = 'active';
        this.active.push(entry);
        this.came('active', QUEUE_REASONS.backoffOver);
      }
    }
    this.arm();
  }

  /** Sets the alarm for the end of the next back-off. */
  private arm(): void {
    const at = this.failedPods.peek()?.backoffUntil;
    if (at === this.wakeUp?.at) return;
    this.wakeUp?.timer.cancel();
    this.wakeUp = undefined;
    if (at === undefined) return;
    const timer = this.clock.setTimeout(() => {
      this.wakeUp = undefined;
      this.promote();
      if (this.active.size > 0) this.ready();
    }, at - this.clock.now());
    this.wakeUp = { at, timer };
  }

  private scheduleFlush(): void {
    this.flush ??= this.clock.setTimeout(() => {
      this.flush = undefined;
      const before = this.clock.now() - LONGEST_WAIT;
      for (const entry of this.unschedulablePods) {
        if (entry.waitingSince > before || !(entry.hints & ClusterEvent.Flush)) continue;
        this.move(entry, eventLabel(ClusterEvent.Flush));
      }
      if (this.unschedulablePods.size > 0) this.scheduleFlush();
    }, FLUSH_INTERVAL);
  }
}

function backoff(attempts: number): number {
  return Math.min(INITIAL_BACKOFF * 2 ** (attempts - 1), MAX_BACKOFF);
}
