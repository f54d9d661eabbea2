import { isDNS1123Label } from '#apimachinery';
import type { Counter, CounterSet, DeviceCounterConsumption } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { inBytes } from '../device-names.validation.js';
import { eachUniqueUpTo } from '../limited-lists.validation.js';
import { shownOrder } from '../shown-items.js';

/** Counters that devices of a pool share, and what a device takes from them. */

const MAX_SETS = 8;
const MAX_COUNTERS = 32;
const MAX_CONSUMED_SETS = 2;

/** With the cursor at the spec. */
export function checkSharedCounters(at: FieldCursor, sets: readonly CounterSet[] | undefined): void {
  const unique = {
    keyOf: ({ name }: CounterSet) => name ?? '',
    order: shownOrder.counterSet,
  };
  eachUniqueUpTo(at, 'sharedCounters', sets, MAX_SETS, unique, ({ name, counters }) => {
    checkSetName(at, 'name', name);
    checkCounters(at, counters);
  });
}

/** With the cursor at the device. */
export function checkConsumedCounters(
  at: FieldCursor,
  consumed: readonly DeviceCounterConsumption[] | undefined,
): void {
  const unique = {
    keyOf: ({ counterSet }: DeviceCounterConsumption) => counterSet ?? '',
    order: shownOrder.consumption,
  };
  eachUniqueUpTo(at, 'consumesCounters', consumed, MAX_CONSUMED_SETS, unique, ({ counterSet, counters }) => {
    checkSetName(at, 'counterSet', counterSet);
    checkCounters(at, counters);
  });
}

function checkSetName(at: FieldCursor, field: string, name: string | undefined): void {
  at.declared(() => {
    if (name) at.format(field, name, inBytes(isDNS1123Label));
    else at.required(field);
  });
}

function checkCounters(at: FieldCursor, counters: Readonly<Record<string, Counter>> | undefined): void {
  const names = Object.keys(counters ?? {});
  if (names.length > MAX_COUNTERS) at.tooMany('counters', names.length, MAX_COUNTERS);
  at.declared(() => {
    if (names.length === 0) at.required('counters');
    for (const name of names) at.format('counters', name, inBytes(isDNS1123Label));
  });
}
