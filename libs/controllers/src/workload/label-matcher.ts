import type { LabelSelector } from '#kinds';

export type LabelMatcher = (labels: Record<string, string> | undefined) => boolean;

/** A LabelSelector as a function. An absent selector matches nothing, an empty one everything; undefined: it is invalid. */
export function labelMatcher(selector: LabelSelector | undefined): LabelMatcher | undefined {
  if (!selector) return () => false;
  const tests: LabelMatcher[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    tests.push((labels) => labels?.[key] === value);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const wanted = new Set(values ?? []);
    const has = (labels: Record<string, string> | undefined) => labels !== undefined && Object.hasOwn(labels, key);
    switch (operator) {
      case 'In':
        tests.push((labels) => has(labels) && wanted.has(labels![key]!));
        break;
      case 'NotIn':
        tests.push((labels) => !has(labels) || !wanted.has(labels![key]!));
        break;
      case 'Exists':
        tests.push(has);
        break;
      case 'DoesNotExist':
        tests.push((labels) => !has(labels));
        break;
      default:
        return undefined;
    }
  }
  return (labels) => tests.every((test) => test(labels));
}
