import { cachedLabelMatcher } from '#apimachinery';
import type { LabelSelector } from '#kinds';

export type LabelPredicate = (labels: Record<string, string> | undefined) => boolean;

/** A LabelSelector as a function; undefined when it is invalid: such an owner is left alone. */
export function labelMatcher(selector: LabelSelector | undefined): LabelPredicate | undefined {
  try {
    const matcher = cachedLabelMatcher(selector);
    return (labels) => matcher.matches(labels ?? {});
  } catch {
    return undefined;
  }
}
