import { isQualifiedName } from '#apimachinery';
import type { FieldCursor } from '../../validation/field-cursor.js';
import { eachUpTo } from './limited-lists.validation.js';

const MAX_CONDITIONS = 4;

export interface BindingConditions {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}

/** Conditions that a device must have, and must not get, before its pod is bound. Neither goes without the other. */
export function checkBindingConditions(
  at: FieldCursor,
  { bindingConditions, bindingFailureConditions }: BindingConditions,
): void {
  const successes = bindingConditions ?? [];
  const failures = bindingFailureConditions ?? [];
  eachUpTo(at, 'bindingConditions', bindingConditions, MAX_CONDITIONS, (name) => at.format('', name, isQualifiedName));
  eachUpTo(at, 'bindingFailureConditions', bindingFailureConditions, MAX_CONDITIONS, (name) => {
    at.format('', name, isQualifiedName);
  });
  const seen = new Set<string>();
  at.each('bindingConditions', successes, (name) => {
    if (seen.has(name)) at.duplicate('', name);
    seen.add(name);
  });
  const failed = new Set<string>();
  at.each('bindingFailureConditions', failures, (name) => {
    if (failed.has(name)) at.duplicate('', name);
    failed.add(name);
    if (seen.has(name)) at.invalid('', name, 'bindingFailureConditions must not overlap with bindingConditions');
  });
  if (successes.length === 0 && failures.length > 0) {
    at.invalid(
      'bindingConditions',
      bindingConditions,
      'bindingConditions are required to use bindingFailureConditions',
    );
  }
  if (failures.length === 0 && successes.length > 0) {
    const text = 'bindingFailureConditions are required to use bindingConditions';
    at.invalid('bindingFailureConditions', bindingFailureConditions, text);
  }
}
