import type { CounterKey } from '../../storage/store.js';

export interface QuotaId {
  namespace: string;
  uid: string;
}

/** What the names of all counters of quotas begin with. */
export const QUOTA_COUNTERS = 'quota/';

/** A quota has a counter for each name that it limits. They go by its uid: one of the same name that comes later begins anew. */
export function counterPrefix({ uid }: Pick<QuotaId, 'uid'>): string {
  return `${QUOTA_COUNTERS}${uid}/`;
}

export function counterName(quota: Pick<QuotaId, 'uid'>, name: string): string {
  return `${counterPrefix(quota)}${name}`;
}

export function nameOfCounter(counter: string): string {
  return counter.slice(counter.indexOf('/', QUOTA_COUNTERS.length) + 1);
}

export function quotaOfCounter({ namespace, name }: CounterKey): QuotaId {
  return { namespace, uid: name.split('/')[1]! };
}
