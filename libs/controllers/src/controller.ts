import { deepEqual, type GroupVersionResource, type KubeObject } from '#apimachinery';
import {
  ControlLoop,
  type EventHandler,
  type Expectations,
  type Informer,
  objectKey,
  type Requeue,
  type Timer,
} from '#client';
import type { Controller, ControllerRuntime } from './context.js';
import { type SelectorOf, selecting } from './indexes.js';
import { controllerOf } from './workload/controller-ref.js';

/** Keys to look at. */
export type Keys = Iterable<string> | string | undefined;

/** Which keys an event concerns, by its kind. A kind that is left out concerns none. */
export interface EventMap<T extends KubeObject> {
  add?(object: T): Keys;
  update?(old: T, object: T): Keys;
  delete?(object: T): Keys;
}

/** Which keys an object concerns, whatever happens to it; of an update both versions are asked. */
export type ObjectMap<T extends KubeObject> = (object: T) => Keys;

/** Makes the world as the key's object wants it. `wake` queues another key that this look has found to need one. */
export type Reconcile = (key: string, wake: (key: string) => void) => Promise<Requeue | undefined>;

/** A resource, or an informer over a part of one. */
export type Source<T extends KubeObject> = GroupVersionResource | Informer<T>;

/** Informers that come and go while a loop runs. */
export interface ChangingSources<T extends KubeObject> {
  /** Those of this moment; the same informer as long as it is to be followed. */
  current(): Iterable<Informer<T>>;
  /** Calls when `current` may say something else; returns the way to end that. */
  onChange(listener: () => void): () => void;
}

export interface Delayed {
  /** Milliseconds between the event and the look. */
  delay?: number;
}

export interface Primary<T extends KubeObject> extends Delayed {
  /** Is the event worth a look? Absent: every one is. A deletion is told by its last version alone. */
  when?(object: T, old: T | undefined): boolean;
  /** Sees the events in the order of revisions, each before its key is queued: for state that must not be late. */
  observe?: EventHandler<T>;
}

export interface Ownership<P extends KubeObject> {
  /** `kind` of the owners in owner references. */
  kind: string;
  /** Wakes owners that select an object which nobody controls: they adopt it. */
  selector?: SelectorOf<P>;
  /** Kept with what is seen of owned objects. */
  expectations?: Expectations;
}

/**
 * Declares a control loop: what it is for, what else concerns it, and how one key is reconciled. Informers, handlers, the queue
 * with its retries and back-off, metrics and logs come from the declaration.
 */
export function controller(name: string, runtime: ControllerRuntime): ControllerBuilder<never> {
  return new ControllerBuilder(name, runtime);
}

export class ControllerBuilder<P extends KubeObject> {
  private readonly sources = new Set<Informer<any>>();
  private readonly subscriptions: ((queue: ControlLoop) => () => void)[] = [];
  private readonly seeds: (() => Iterable<string>)[] = [];
  private primary: Informer<P> | undefined;
  private period: { keys: () => Iterable<string>; ms: number } | undefined;
  private concurrency: number | undefined;

  constructor(
    private readonly name: string,
    private readonly runtime: ControllerRuntime,
  ) {}

  /** The resource whose objects are reconciled: their keys are the loop's. */
  for<T extends KubeObject>(source: Source<T>, { when, delay = 0, observe }: Primary<T> = {}): ControllerBuilder<T> {
    const builder = this as unknown as ControllerBuilder<T>;
    builder.primary = this.informer(source);
    builder.subscribe(source, (queue) => {
      const look = (object: T, old?: T) => {
        if (!when || when(object, old)) enqueue(queue, objectKey(object), delay);
      };
      return {
        add(object) {
          observe?.add?.(object);
          look(object);
        },
        update(old, object) {
          observe?.update?.(old, object);
          look(object, old);
        },
        delete(object) {
          observe?.delete?.(object);
          look(object);
        },
      };
    });
    return builder;
  }

  /** Objects that the primary ones control: what happens to them wakes their owners, the former one too. */
  owns<T extends KubeObject>(source: Source<T>, { kind, selector, expectations }: Ownership<P>): this {
    const owners = this.primary;
    if (!owners) throw new Error(`${this.name}: declare for() before owns()`);
    const ownerOf = (object: T): string | undefined => {
      const reference = controllerOf(object);
      if (reference?.kind !== kind) return undefined;
      const owner = owners.get(object.metadata.namespace ?? '', reference.name);
      return owner?.metadata.uid === reference.uid ? objectKey(owner) : undefined;
    };
    const adopters = (object: T): string[] => {
      if (!selector || controllerOf(object) || object.metadata.deletionTimestamp !== undefined) return [];
      return selecting(owners, selector, object).map(objectKey);
    };
    this.subscribe(source, (queue) => {
      const wake = (key: string | undefined) => key !== undefined && queue.add(key);
      const gone = (object: T, owner: string | undefined) => {
        if (owner !== undefined) expectations?.deletionObserved(owner, object.metadata.uid!);
      };
      return {
        add(object) {
          const owner = ownerOf(object);
          // One that is on its way out already was not created just now.
          if (object.metadata.deletionTimestamp !== undefined) gone(object, owner);
          else if (owner !== undefined) expectations?.creationObserved(owner);
          wake(owner);
          adopters(object).forEach(queue.add);
        },
        update(old, object) {
          const owner = ownerOf(object);
          if (object.metadata.deletionTimestamp !== undefined) gone(object, owner);
          const moved = controllerOf(old)?.uid !== controllerOf(object)?.uid;
          wake(owner);
          if (moved) wake(ownerOf(old));
          if (moved || !deepEqual(old.metadata.labels, object.metadata.labels)) adopters(object).forEach(queue.add);
        },
        delete(object) {
          const owner = ownerOf(object);
          gone(object, owner);
          wake(owner);
        },
      };
    });
    if (expectations) {
      this.subscribe(owners, () => ({ delete: (owner) => expectations.forget(objectKey(owner)) }));
    }
    return this;
  }

  /** Another resource whose events concern keys of the loop. */
  watches<T extends KubeObject>(source: Source<T>, map: ObjectMap<T> | EventMap<T>, { delay = 0 }: Delayed = {}): this {
    this.subscribe(source, (queue) => {
      if (typeof map !== 'function') return eventHandler(queue, map, delay);
      const look = (object: T) => enqueueAll(queue, map(object), delay);
      return {
        add: look,
        update(old, object) {
          look(old);
          look(object);
        },
        delete: look,
      };
    });
    return this;
  }

  /**
   * Resources that are not known beforehand. The loop waits for the first lists of those that are there when it is declared; one
   * that comes later is followed from then on, and the objects of one that goes count as deleted.
   */
  watchesEach<T extends KubeObject>(sources: ChangingSources<T>, map: EventMap<T>): this {
    for (const informer of sources.current()) this.informer(informer);
    this.subscriptions.push((queue) => followEach(sources, eventHandler(queue, map)));
    return this;
  }

  /** Resources that reconciling only reads: the loop starts when they are here. */
  reads(...sources: Source<any>[]): this {
    for (const source of sources) this.informer(source);
    return this;
  }

  /** Keys to look at once everything is here, beside those of the first lists. */
  startsWith(keys: () => Iterable<string>): this {
    this.seeds.push(keys);
    return this;
  }

  /** Looks at these keys at the start, and again each `ms` milliseconds: for what makes no events. */
  every(ms: number, keys: () => Iterable<string>): this {
    this.period = { keys, ms };
    return this;
  }

  /** Keys worked on at a time; default 5. */
  workers(concurrency: number): this {
    this.concurrency = concurrency;
    return this;
  }

  /** Ends the declaration. What `reconcile` throws is logged and tried again with back-off. */
  reconcile(reconcile: Reconcile): Controller {
    return { name: this.name, run: (signal) => this.run(signal, reconcile) };
  }

  private async run(signal: AbortSignal, reconcile: Reconcile): Promise<void> {
    const { clock, logger, metrics, tracer } = this.runtime;
    await Promise.all([...this.sources].map((informer) => informer.whenSynced(signal)));
    const loop: ControlLoop = new ControlLoop({
      name: this.name,
      clock,
      logger,
      metrics,
      tracer,
      concurrency: this.concurrency,
      reconcile: (key) => reconcile(key, loop.add),
    });
    const stop = new AbortController();
    const unsubscribe: (() => void)[] = [];
    const working = loop.run(AbortSignal.any([signal, stop.signal]));
    try {
      for (const subscribe of this.subscriptions) unsubscribe.push(subscribe(loop));
      for (const seed of this.seeds) for (const key of seed()) loop.add(key);
      await Promise.race([working, this.repeat(loop, stop.signal)]);
    } finally {
      for (const end of unsubscribe) end();
      stop.abort();
      // A successor must not find this one's workers at its keys.
      await working;
    }
  }

  /** Rejects when the keys cannot be told; never resolves. */
  private repeat(loop: ControlLoop, signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      if (!this.period) return;
      const { keys, ms } = this.period;
      let timer: Timer | undefined;
      const look = () => {
        try {
          for (const key of keys()) loop.add(key);
        } catch (error) {
          reject(error as Error);
          return;
        }
        timer = this.runtime.clock.setTimeout(look, ms);
      };
      signal.addEventListener('abort', () => timer?.cancel(), { once: true });
      look();
    });
  }

  private subscribe<T extends KubeObject>(source: Source<T>, handler: (queue: ControlLoop) => EventHandler<T>): void {
    const informer = this.informer(source);
    this.subscriptions.push((queue) => informer.addHandler(handler(queue)));
  }

  private informer<T extends KubeObject>(source: Source<T>): Informer<T> {
    const informer = 'resource' in source ? this.runtime.informers.for<T>(source) : source;
    this.sources.add(informer);
    return informer;
  }
}

function eventHandler<T extends KubeObject>(
  queue: ControlLoop,
  map: EventMap<T>,
  delay = 0,
): Required<EventHandler<T>> {
  return {
    add: (object) => enqueueAll(queue, map.add?.(object), delay),
    update: (old, object) => enqueueAll(queue, map.update?.(old, object), delay),
    delete: (object) => enqueueAll(queue, map.delete?.(object), delay),
  };
}

/** Returns the way to end it. */
function followEach<T extends KubeObject>(sources: ChangingSources<T>, handler: Required<EventHandler<T>>): () => void {
  const followed = new Map<Informer<T>, () => void>();
  /** Followed no more, with what they had; that may come back through an informer of another version. */
  const retired = new Map<Informer<T>, readonly T[]>();
  let ended = false;
  const dropRetired = () => {
    if (ended) return;
    for (const [informer, objects] of retired) {
      const heir = [...followed.keys()].find(({ gvr }) => isSameResource(gvr, informer.gvr));
      // Until it has listed, an object that it lacks is not gone: whoever took it for that might delete what it owns.
      if (heir && !heir.hasSynced) continue;
      retired.delete(informer);
      for (const object of objects) {
        const { namespace = '', name = '', uid } = object.metadata;
        if (heir?.get(namespace, name)?.metadata.uid !== uid) handler.delete(object);
      }
    }
  };
  const settle = () => {
    const current = new Set(sources.current());
    for (const [informer, leave] of followed) {
      if (current.has(informer)) continue;
      followed.delete(informer);
      leave();
      retired.set(informer, informer.list());
    }
    for (const informer of current) {
      if (followed.has(informer)) continue;
      followed.set(informer, informer.addHandler(handler));
      if (!informer.hasSynced) void informer.whenSynced().then(dropRetired);
    }
    dropRetired();
  };
  const end = sources.onChange(settle);
  settle();
  return () => {
    ended = true;
    end();
    for (const leave of followed.values()) leave();
  };
}

function isSameResource(a: GroupVersionResource, b: GroupVersionResource): boolean {
  return a.group === b.group && a.resource === b.resource;
}

function enqueueAll(queue: ControlLoop, keys: Keys, delay: number): void {
  if (keys === undefined) return;
  for (const key of typeof keys === 'string' ? [keys] : keys) enqueue(queue, key, delay);
}

function enqueue(queue: ControlLoop, key: string, delay: number): void {
  if (delay > 0) queue.addAfter(key, delay);
  else queue.add(key);
}

/** One controller of several loops: it has the name of the first, and fails with any of them. */
export function joined(first: Controller, ...others: Controller[]): Controller {
  return {
    name: first.name,
    async run(signal) {
      const stop = new AbortController();
      const either = AbortSignal.any([signal, stop.signal]);
      const failures: unknown[] = [];
      const end = (error?: unknown) => {
        if (error !== undefined && !either.aborted) failures.push(error);
        stop.abort();
      };
      await Promise.all([first, ...others].map((loop) => loop.run(either).then(() => end(), end)));
      if (failures.length > 0) throw failures[0];
    },
  };
}
