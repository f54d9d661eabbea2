import { INVALID_SINCE_LABEL, LAST_USED_LABEL, type Secret } from '#kinds';

export const DAY = 24 * 3_600_000;
/** Milliseconds: kube-controller-manager's --legacy-service-account-token-clean-up-period. */
const PERIOD = 365 * DAY;

export type TokenCleaning = 'keep' | 'mark' | 'delete';

/** Whether tracking lasts long enough, at `now`, to say that a token was not used. `since` is the ConfigMap's date. */
export function trackedLongEnough(since: string | undefined, now: number): boolean {
  const start = dayStart(since);
  return start !== undefined && now >= start + DAY + PERIOD;
}

/** What is to happen to the Secret of a token that its account lists and no pod has. `now` in milliseconds. */
export function cleaningOf({ metadata }: Secret, now: number): TokenCleaning {
  if (metadata.deletionTimestamp || Date.parse(metadata.creationTimestamp!) >= now - PERIOD) return 'keep';
  const oldest = dateOf(now - PERIOD);
  const lastUsed = metadata.labels?.[LAST_USED_LABEL];
  if (lastUsed !== undefined && (dayStart(lastUsed) === undefined || lastUsed >= oldest)) return 'keep';
  const invalidSince = metadata.labels?.[INVALID_SINCE_LABEL];
  if (dayStart(invalidSince) === undefined) return 'mark';
  return invalidSince! >= oldest ? 'keep' : 'delete';
}

/** The day, in UTC. */
export function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** Milliseconds since the epoch; undefined when it is no date. */
function dayStart(date: string | undefined): number | undefined {
  if (date === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(date)) return undefined;
  const time = Date.parse(date);
  return Number.isNaN(time) || dateOf(time) !== date ? undefined : time;
}
