import type { KubeObject, Quantity } from '#apimachinery';
import type { Clock, Logger, Timer } from '#client';
import type { CatalogChange, ResourceCatalog } from '#kinds';
import { countedResource } from '../../admission/quota/quota-evaluator.js';
import { amountOf } from '../../admission/quota/quota-names.js';
import { type Amounts, type QuotaView, quotaView } from '../../admission/quota/quota-view.js';
import { encodeForStorage } from '../../codec/object-codec.js';
import { type CacheSink, followCache } from '../../storage/cache-follower.js';
import { type CachedObject, type CounterDelta, LARGEST_SUM, type Store } from '../../storage/store.js';
import { PacedTask } from './paced-task.js';
import { countAt, resourcesOf, trackedNames } from './quota-count.js';
import { counterName, counterPrefix, QUOTA_COUNTERS, type QuotaId } from './quota-counters.js';

export interface QuotaKeeperOptions {
  store: Store;
  catalog: ResourceCatalog;
  clock: Clock;
  logger: Logger;
}

const QUOTAS = 'resourcequotas';
/** Milliseconds between two versions of a quota's status, unless somebody reads it. */
const PACE_MS = 100;
/** Milliseconds after which a quota that is new or has changed is counted again: other replicas may have learned of it a moment late. */
const SECOND_LOOK_MS = 2_000;
/** Milliseconds between counts of everything: --resource-quota-sync-period of the reference. */
const SYNC_MS = 5 * 60_000;
const RETRY_MS = 1_000;

interface Kept {
  readonly id: QuotaId;
  readonly task: PacedTask;
  /** The next run counts the objects. */
  recount: boolean;
}

/**
 * Keeps the status of every ResourceQuota what its counters say, and the counters what the objects use. Writers keep the counters
 * right by themselves; the keeper counts where they could not: for a new quota or a changed one, after what time alone changes, and
 * now and then to repair what nobody expected. A count is of one revision, at which the counters are read, too. What it corrects is
 * added to them, so that what others count meanwhile stays counted.
 */
export class QuotaKeeper {
  private readonly kept = new Map<string, Kept>();
  private readonly timers = new Set<Timer>();
  private stopped = false;
  /** Counts of everything that were begun: the newest goes on, one before it ends. */
  private rounds = 0;

  constructor(private readonly options: QuotaKeeperOptions) {}

  /** Follows the quotas until the signal fires. */
  start(signal: AbortSignal): void {
    const { store, catalog } = this.options;
    const unsubscribe = catalog.onChange((change) => this.recountThoseOf(change));
    signal.addEventListener(
      'abort',
      () => {
        unsubscribe();
        this.stop();
      },
      { once: true },
    );
    this.repeat();
    const sink: CacheSink = {
      replace: () => void this.recountAll(),
      upsert: (quota, previous) => this.changed(quota, previous),
      remove: (quota) => void this.forget(idOf(quota)),
    };
    followCache(store.cache(QUOTAS), sink, signal);
  }

  /** The counters of the quota have changed. */
  touch(id: QuotaId): void {
    this.keep(id).task.request();
  }

  /** The counters of the quota may be wrong. */
  recount(id: QuotaId): void {
    const kept = this.keep(id);
    kept.recount = true;
    kept.task.request();
  }

  /**
   * Resolves when the quotas of a namespace show their counters; undefined when they do. Of a single namespace what other replicas
   * counted is looked up; of all of them ('') only what this one has yet to show.
   */
  settled(namespace: string): Promise<void> | undefined {
    if (namespace !== '') for (const quota of this.quotasIn(namespace)) this.touch({ namespace, uid: quota.uid });
    const pending: Promise<void>[] = [];
    for (const { id, task } of this.kept.values()) {
      const running = namespace === '' || id.namespace === namespace ? task.finished() : undefined;
      if (running !== undefined) pending.push(running);
    }
    return pending.length === 0 ? undefined : Promise.all(pending).then(() => {});
  }

  private keep({ namespace, uid }: QuotaId): Kept {
    let kept = this.kept.get(uid);
    if (kept === undefined) {
      const id = { namespace, uid };
      const task = new PacedTask(this.options.clock, PACE_MS, () => this.settle(id));
      if (this.stopped) task.stop();
      kept = { id, task, recount: false };
      this.kept.set(uid, kept);
    }
    return kept;
  }

  private changed(quota: CachedObject, previous: CachedObject | undefined): void {
    // What only the status says is ours, or another replica's.
    if (previous !== undefined && sameAmounts(viewOf(previous).wanted, viewOf(quota).wanted)) return;
    const id = idOf(quota);
    this.recount(id);
    this.later(SECOND_LOOK_MS, () => {
      if (this.kept.has(id.uid)) this.recount(id);
    });
  }

  private async forget(id: QuotaId): Promise<void> {
    this.kept.get(id.uid)?.task.stop();
    this.kept.delete(id.uid);
    await this.options.store.dropCounters(id.namespace, counterPrefix(id)).catch((error) => this.complain(id, error));
  }

  /** One quota after the other: those that are asked about meanwhile do not wait for all. */
  private async recountAll(): Promise<void> {
    const round = ++this.rounds;
    await this.sweep();
    for (const { namespace, uid } of this.options.store.cache(QUOTAS).list({})?.items ?? []) {
      if (this.stopped || round !== this.rounds) return;
      if (this.find({ namespace, uid }) === undefined) continue;
      this.recount({ namespace, uid });
      await this.kept.get(uid)?.task.finished();
    }
  }

  /** Those that count objects of resources which are served since now, or not any more. */
  private recountThoseOf({ added, removed }: CatalogChange): void {
    const changed = new Set([...added, ...removed].map(({ storageResource }) => storageResource));
    for (const quota of this.options.store.cache(QUOTAS).list({})?.items ?? []) {
      const names = [...viewOf(quota).wanted.keys()];
      const counts = names.some((name) => changed.has(countedResource(name) ?? ''));
      if (counts) this.recount({ namespace: quota.namespace, uid: quota.uid });
    }
  }

  /** Forgets the counters of quotas that are gone: a server was away then, or another counted once more a moment later. */
  private async sweep(): Promise<void> {
    try {
      await this.options.store.dropOrphanedCounters(QUOTA_COUNTERS, QUOTAS);
    } catch (error) {
      if (!this.stopped) this.options.logger.error(`counters of quotas: ${(error as Error).message}`);
    }
  }

  private repeat(): void {
    this.later(SYNC_MS, () => {
      void this.recountAll();
      this.repeat();
    });
  }

  private later(ms: number, call: () => void): void {
    if (this.stopped) return;
    const timer = this.options.clock.setTimeout(() => {
      this.timers.delete(timer);
      if (!this.stopped) call();
    }, ms);
    this.timers.add(timer);
  }

  private stop(): void {
    this.stopped = true;
    for (const timer of this.timers) timer.cancel();
    for (const { task } of this.kept.values()) task.stop();
  }

  private async settle(id: QuotaId): Promise<void> {
    const kept = this.kept.get(id.uid);
    if (kept === undefined || this.stopped) return;
    const { recount } = kept;
    kept.recount = false;
    try {
      while (!this.stopped && !(await this.attempt(id, recount)));
    } catch (error) {
      kept.recount ||= recount;
      this.complain(id, error);
      this.later(RETRY_MS, () => kept.task.request());
    }
  }

  /** False when the quota, or the state that was counted, is another one by now. */
  private async attempt(id: QuotaId, recount: boolean): Promise<boolean> {
    const { store, catalog, clock } = this.options;
    const prefix = counterPrefix(id);
    const reading = await store.readCounters(id.namespace, prefix);
    const current = this.find(id);
    if (current === undefined) {
      // Whoever was late has counted once more for a quota that is gone.
      await this.forget(id);
      return true;
    }
    const quota = viewOf(current);
    const resources = resourcesOf(quota, catalog);
    const names = trackedNames(quota, resources);
    const shown = new Map(names.map((name) => [name, reading.values.get(`${prefix}${name}`) ?? 0]));
    const deltas: CounterDelta[] = [];
    // A sum at its bound stands for any larger one: what it is now only a count can tell.
    const isBeyond = [...shown.values()].some((units) => Math.abs(units) >= LARGEST_SUM);
    if (recount || isBeyond || !isCounted(quota, names)) {
      const counts = await countAt(quota, resources, store, reading.revision, clock.now());
      if (counts === undefined) return false;
      for (const [name, units] of shown) {
        const actual = counts.get(name) ?? 0;
        shown.set(name, actual);
        const counter = { namespace: id.namespace, name: counterName(quota, name) };
        if (actual !== units) deltas.push({ counter, delta: actual - units });
      }
    }
    const used = new Map([...shown].map(([name, units]) => [name, shownAmount(quota, name, units)]));
    if (deltas.length === 0 && sameAmounts(used, quota.used) && sameAmounts(quota.hard, quota.wanted)) return true;
    return this.write(current, used, deltas);
  }

  private async write(current: CachedObject, used: Amounts, counters: CounterDelta[]): Promise<boolean> {
    const quota = current.parse() as KubeObject;
    const status = { hard: quota['spec']?.hard ?? {}, used: textOf(used) };
    const { namespace, name, uid, revision: ifRevision } = current;
    const key = { resource: QUOTAS, namespace, name };
    const body = encodeForStorage({ ...quota, status });
    const { store } = this.options;
    const result = await store.commit({ writes: [{ op: 'update', key, uid, body, ifRevision }], counters });
    if (!result.ok) await store.readBarrier();
    return result.ok;
  }

  private find({ namespace, uid }: QuotaId): CachedObject | undefined {
    return this.quotasIn(namespace).find((quota) => quota.uid === uid);
  }

  private quotasIn(namespace: string): CachedObject[] {
    const cache = this.options.store.cache(QUOTAS);
    return cache.size === 0 ? [] : (cache.list({ namespace })?.items ?? []);
  }

  private complain({ namespace, uid }: QuotaId, error: unknown): void {
    if (this.stopped) return;
    this.options.logger.error(`quota ${uid} in ${namespace}: ${(error as Error).message}`);
  }
}

function idOf({ namespace, uid }: CachedObject): QuotaId {
  return { namespace, uid };
}

function viewOf(quota: CachedObject): QuotaView {
  return quotaView(quota.parse());
}

/** Whether the status says of each name how much is used, and limits what the spec does. */
function isCounted({ hard, wanted, used }: QuotaView, names: readonly string[]): boolean {
  return sameAmounts(hard, wanted) && names.every((name) => used.has(name));
}

function sameAmounts(one: Amounts, other: Amounts): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([name, amount]) => other.get(name)?.equals(amount) ?? false);
}

/** Written as it was, or else as the limit is. */
function shownAmount({ used, wanted }: QuotaView, name: string, units: number): Quantity {
  const before = used.get(name);
  return amountOf(name, Math.max(units, 0), before === undefined || before.isZero() ? wanted.get(name) : before);
}

function textOf(amounts: Amounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, amount.toString()]).sort());
}
