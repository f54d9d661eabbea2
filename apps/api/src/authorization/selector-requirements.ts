import { type FieldMatcher, type LabelMatcher, parseFieldSelector, parseLabelSelector } from '#apimachinery';
import type { SelectorRequirement } from './authorizer.js';

/** No URL holds more; a review's body does, and reading 3 MB of it would take seconds. */
const MAX_SELECTOR_LENGTH = 64 * 1024;

/** The `fieldSelector` of the attributes for a request's parameter; undefined when there is none or it does not parse. */
export function fieldRequirements(selector: string | null | undefined): SelectorRequirement[] | undefined {
  if (!selector || selector.length > MAX_SELECTOR_LENGTH) return undefined;
  try {
    return fieldRequirementsOf(parseFieldSelector(selector));
  } catch {
    return undefined;
  }
}

/** As fieldRequirements, for `labelSelector`. */
export function labelRequirements(selector: string | null | undefined): SelectorRequirement[] | undefined {
  if (!selector || selector.length > MAX_SELECTOR_LENGTH) return undefined;
  try {
    return labelRequirementsOf(parseLabelSelector(selector));
  } catch {
    return undefined;
  }
}

export function fieldRequirementsOf(matcher: FieldMatcher): SelectorRequirement[] {
  return matcher.requirements.map(({ field, operator, value }) => ({
    key: field,
    operator: operator === '=' ? 'In' : 'NotIn',
    values: [value],
  }));
}

/** Comparisons by size are left out: no authorizer knows them, and less narrowing never grants more. */
export function labelRequirementsOf(matcher: LabelMatcher): SelectorRequirement[] {
  const operators: Record<string, SelectorRequirement['operator']> = {
    '=': 'In',
    '==': 'In',
    in: 'In',
    '!=': 'NotIn',
    notin: 'NotIn',
    exists: 'Exists',
    '!': 'DoesNotExist',
  };
  return matcher.requirements.flatMap(({ key, operator, values }) => {
    const known = operators[operator];
    return known ? [{ key, operator: known, values: [...values] }] : [];
  });
}
