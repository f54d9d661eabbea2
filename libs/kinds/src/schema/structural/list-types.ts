import { goJson, isJsonObject, ownValue, setOwn } from '#apimachinery';
import type { FieldCursor } from '../../validation/field-cursor.js';
import { eachMember, reaching, type Structural } from './structural.js';

/** Lists of type set have every item once, and those of type map every combination of keys: apiextensions-apiserver's listtype. */

const isUnique = (place: Structural): boolean => place.listType === 'set' || place.listType === 'map';
const hasUnique = reaching(isUnique);

export function checkListTypes(at: FieldCursor, value: unknown, place: Structural): void {
  if (typeof value !== 'object' || value === null || !hasUnique(place)) return;
  if (Array.isArray(value) && isUnique(place)) {
    if (place.listType === 'set') checkSet(at, value, value);
    else checkMapList(at, value, place.mapKeys);
  }
  eachMember(at, value, place, (item, below) => checkListTypes(at, item, below));
}

/** `shown` are the items as errors show them. */
function checkSet(at: FieldCursor, values: readonly unknown[], shown: readonly unknown[]): void {
  const counts = new Map<unknown, number>();
  values.forEach((value, i) => {
    // Text that no scalar is: objects and lists are compared by what they say.
    const identity = typeof value === 'object' && value !== null ? `json ${goJson(value)}` : scalarIdentity(value);
    const count = (counts.get(identity) ?? 0) + 1;
    counts.set(identity, count);
    if (count !== 2) return;
    at.enter(i);
    at.duplicate('', shown[i]);
    at.leave();
  });
}

function scalarIdentity(value: unknown): unknown {
  return typeof value === 'string' ? `text ${value}` : value;
}

function checkMapList(at: FieldCursor, list: readonly unknown[], keys: readonly string[]): void {
  const wrong = list.findIndex((item) => item !== null && !isJsonObject(item));
  if (wrong >= 0) {
    at.enter(wrong);
    at.invalid('', list[wrong], 'must be an object for an array of list-type map');
    at.leave();
    return;
  }
  const values = list.map((item) => keyValues(item, keys));
  checkSet(at, values, values);
}

function keyValues(item: unknown, keys: readonly string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const key of keys) {
    const value = isJsonObject(item) ? ownValue(item, key) : undefined;
    if (value !== undefined) setOwn(values, key, value);
  }
  return values;
}
