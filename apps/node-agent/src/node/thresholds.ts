import type { Signal, Threshold } from '#settings';

/** What has to be left, of this capacity. */
export function requiredAmount({ limit }: Threshold, capacity: number): number {
  return 'amount' in limit ? limit.amount : Math.floor(capacity * limit.share);
}

/** What pods are not given, because they would be evicted for it: the difference of capacity and allocatable. */
export function reserved(thresholds: readonly Threshold[], signal: Signal, capacity: number): number {
  const threshold = thresholds.find((candidate) => candidate.signal === signal);
  return threshold ? requiredAmount(threshold, capacity) : 0;
}
