import { isQualifiedName, patternMessage } from '#apimachinery';
import type { Condition } from '../generated/types.js';
import type { FieldCursor } from './field-cursor.js';

/** Conditions in the form that all newer kinds share. */

const statuses = ['False', 'True', 'Unknown'];
const MAX_REASON_BYTES = 1024;
const MAX_MESSAGE_BYTES = 32 * 1024;
const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const REASON_RE = new RegExp(`^${REASON}$`);
const REASON_MESSAGE = patternMessage(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  REASON,
  'my_name',
  'MY_NAME',
  'MyName',
  'ReasonA,ReasonB',
  'ReasonA:ReasonB',
);

export function isConditionReason(value: string): string[] {
  return REASON_RE.test(value) ? [] : [REASON_MESSAGE];
}

export function checkConditions(at: FieldCursor, conditions: readonly Condition[] | undefined): void {
  const seen = new Set<string>();
  at.each('conditions', conditions, (condition) => {
    if (seen.has(condition.type)) at.duplicate('', condition.type);
    seen.add(condition.type);
    checkCondition(at, condition);
  });
}

/** With the cursor at the condition. */
export function checkCondition(at: FieldCursor, condition: Condition): void {
  const { type, status, observedGeneration, lastTransitionTime, reason, message } = condition;
  if (type) at.format('type', type, isQualifiedName);
  else at.required('type', 'is required');
  at.choice('status', status, statuses);
  if (observedGeneration !== undefined && observedGeneration < 0) {
    at.invalid('observedGeneration', observedGeneration, 'must be greater than or equal to zero');
  }
  if (!lastTransitionTime) at.required('lastTransitionTime');
  if (reason) {
    at.format('reason', reason, isConditionReason);
    if (Buffer.byteLength(reason) > MAX_REASON_BYTES) at.tooLong('reason', MAX_REASON_BYTES);
  } else at.required('reason');
  if (Buffer.byteLength(message ?? '') > MAX_MESSAGE_BYTES) at.tooLong('message', MAX_MESSAGE_BYTES);
}
