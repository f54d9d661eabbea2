import { isLabelValue, isQualifiedName } from '#apimachinery';
import type { DeviceTaint, DeviceToleration } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';

/** Taints of devices, and what tolerates them. */

const operators = ['Equal', 'Exists'];
const effects = ['NoExecute', 'NoSchedule', 'None'];

/** With the cursor at the taint. `oldEffect` is the one that is stored. */
export function checkDeviceTaint(at: FieldCursor, taint: DeviceTaint | undefined, oldEffect?: string): void {
  at.format('key', taint?.key ?? '', isQualifiedName);
  if (taint?.value) at.format('value', taint.value, isLabelValue);
  if (oldEffect === undefined || oldEffect !== taint?.effect) {
    at.declared(() => at.choice('effect', taint?.effect, effects));
  }
}

/** With the cursor at the toleration. */
export function checkDeviceToleration(at: FieldCursor, { key, operator, value = '', effect }: DeviceToleration): void {
  at.declared(() => {
    if (key) at.format('key', key, isQualifiedName);
    at.choice('operator', operator, operators);
    if (effect) at.optionalChoice('effect', effect, effects);
  });
  if (operator === 'Exists' && value !== '') at.invalid('value', value, 'must be empty for operator `Exists`');
  if (operator === 'Equal') at.format('value', value, isLabelValue);
}
