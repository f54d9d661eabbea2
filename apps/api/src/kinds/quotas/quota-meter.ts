import { forbidden, type StatusError } from '#apimachinery';
import { deltasOf } from '../../admission/quota/quota-delta.js';
import { evaluatorOf } from '../../admission/quota/quota-evaluator.js';
import { amountOf, counted } from '../../admission/quota/quota-names.js';
import { exceededText } from '../../admission/quota/quota-refusal.js';
import { type QuotaView, quotaView } from '../../admission/quota/quota-view.js';
import { groupResourceOf } from '../../registry/object-key.js';
import type { MeteredChange, WriteMeter } from '../../registry/write/write-meter.js';
import type { CounterDelta, ExceededCounter, Store } from '../../storage/store.js';
import { counterName, counterPrefix, nameOfCounter, type QuotaId, quotaOfCounter } from './quota-counters.js';
import type { QuotaKeeper } from './quota-keeper.js';

const QUOTAS = 'resourcequotas';

/**
 * Counts what objects use for the ResourceQuotas of their namespace, in the commit that changes them. The counters are the truth;
 * the status of a quota shows them, and the keeper sees to that.
 */
export class QuotaMeter implements WriteMeter {
  constructor(
    private readonly store: Store,
    private readonly keeper: Pick<QuotaKeeper, 'touch' | 'recount' | 'settled'>,
    private readonly now: () => Date,
    /** Whether limits are enforced: they are not where the plugin ResourceQuota is off. Usage is counted all the same. */
    private readonly enforces = true,
  ) {}

  charge(change: MeteredChange): readonly CounterDelta[] | undefined {
    const quotas = this.quotasOf(change.namespace);
    if (quotas.length === 0) return undefined;
    const evaluator = evaluatorOf(change.resource);
    if (evaluator === undefined) return undefined;
    const now = this.now().getTime();
    const limited = this.enforces && evaluator.mayRefuse(change);
    const charges: CounterDelta[] = [];
    for (const quota of quotas) {
      for (const [name, delta] of deltasOf(quota, evaluator, change, now)) {
        const counter = { namespace: change.namespace, name: counterName(quota, name) };
        const limit = limited ? quota.hard.get(name) : undefined;
        charges.push({ counter, delta, limit: limit && counted(name, limit) });
      }
      if (change.old !== undefined && evaluator.isOverdue?.(change.old, now)) this.keeper.recount(quota);
    }
    return charges.length === 0 ? undefined : charges;
  }

  exceeded(counters: readonly ExceededCounter[], change: MeteredChange): StatusError | undefined {
    const quotas = this.quotasOf(change.namespace);
    const quota = quotas.find((item) => counters.some(({ counter }) => counter.name.startsWith(counterPrefix(item))));
    if (quota === undefined) return undefined;
    const usage = evaluatorOf(change.resource)!.usage(change.object!, this.now().getTime());
    const amounts = counters
      .filter(({ counter }) => counter.name.startsWith(counterPrefix(quota)))
      .map(({ counter, requested, used, limit }) => {
        const name = nameOfCounter(counter.name);
        const like = usage.get(name);
        return {
          name,
          requested: amountOf(name, requested, like),
          used: amountOf(name, used, quota.used.get(name)?.isZero() === false ? quota.used.get(name) : like),
          limited: quota.hard.get(name) ?? amountOf(name, limit, like),
        };
      });
    const { name = '', generateName = '' } = change.object!.metadata;
    return forbidden(groupResourceOf(change.resource), name || generateName, exceededText(quota.name, amounts));
  }

  charged(deltas: readonly CounterDelta[]): void {
    const touched = new Map<string, QuotaId>();
    for (const { counter } of deltas) {
      const id = quotaOfCounter(counter);
      touched.set(id.uid, id);
    }
    for (const id of touched.values()) this.keeper.touch(id);
  }

  settled(storageResource: string, namespace: string): Promise<void> | undefined {
    return storageResource === QUOTAS ? this.keeper.settled(namespace) : undefined;
  }

  private quotasOf(namespace: string): readonly QuotaView[] {
    const cache = this.store.cache(QUOTAS);
    if (cache.size === 0 || namespace === '') return [];
    return (cache.list({ namespace })?.items ?? []).map((quota) => quotaView(quota.parse()));
  }
}
