import type { FieldCursor } from '../../validation/field-cursor.js';

/** Conditions of both kinds: only their type is looked at. With the cursor at the status. */
export function checkFlowConditions(at: FieldCursor, conditions: readonly { type?: string }[] | undefined): void {
  const seen = new Set<string>();
  at.each('conditions', conditions, ({ type = '' }) => {
    if (seen.has(type)) at.duplicate('type', type);
    seen.add(type);
    if (type === '') at.required('type');
  });
}
