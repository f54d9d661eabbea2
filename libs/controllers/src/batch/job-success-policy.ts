import type { SuccessPolicyRule } from '#kinds';
import { IndexSet } from './completion-indexes.js';

/** Says which rule the succeeded indexes meet; undefined while they meet none. */
export function metSuccessPolicy(
  rules: readonly SuccessPolicyRule[] | undefined,
  succeeded: IndexSet,
  completions: number,
): string | undefined {
  if (succeeded.size === 0) return undefined;
  const met = (rules ?? []).findIndex(({ succeededIndexes, succeededCount = Number.POSITIVE_INFINITY }) => {
    if (succeededIndexes === undefined) return succeeded.size >= succeededCount;
    const required = IndexSet.parse(succeededIndexes, completions);
    const found = required.overlap(succeeded);
    return required.size > 0 && (found === required.size || found >= succeededCount);
  });
  return met === -1 ? undefined : `Matched rules at index ${met}`;
}
