import type { FieldCursor } from '../../validation/field-cursor.js';
import { type Order, shown } from './shown-items.js';

/** Lists and maps of claims and slices: most have a limit, and what is beyond it is not looked at. */

/** Checks the items of a list unless there are too many: that is all that is said of it then. */
export function eachUpTo<T>(
  at: FieldCursor,
  name: string,
  items: readonly T[] | undefined,
  max: number,
  check: (item: T) => void,
): void {
  const count = items?.length ?? 0;
  if (count > max) at.declared(() => at.tooMany(name, count, max));
  else at.each(name, items, check);
}

/** The same, for items of which no two may have the same key. An error shows one of them in the given order. */
export function eachUniqueUpTo<T>(
  at: FieldCursor,
  name: string,
  items: readonly T[] | undefined,
  max: number,
  { keyOf, order }: { keyOf: (item: T) => string; order?: Order },
  check: (item: T) => void,
): void {
  const seen = new Set<string>();
  eachUpTo(at, name, items, max, (item) => {
    check(item);
    const key = keyOf(item);
    if (seen.has(key)) at.declared(() => at.duplicate('', shown(item, order)));
    seen.add(key);
  });
}

/** Checks the entries of a map: a key with the cursor at the map, then its value with the cursor at it. */
export function eachNamed<T>(
  at: FieldCursor,
  name: string,
  entries: Readonly<Record<string, T>> | undefined,
  checkKey: (key: string) => void,
  check: (value: T) => void,
): void {
  at.within(name, () => {
    for (const [key, value] of Object.entries(entries ?? {})) {
      checkKey(key);
      at.enterKey(shortened(key));
      check(value);
      at.leave();
    }
  });
}

/** A domain, a slash and an identifier. */
const MAX_SHOWN = 63 + 1 + 32;
const DOTS = '...';

/** A path shows both ends of a key that is too long to be one. */
function shortened(key: string): string {
  const bytes = Buffer.from(key);
  if (bytes.length <= MAX_SHOWN) return key;
  const rest = MAX_SHOWN - DOTS.length;
  const tail = Math.floor(rest / 2);
  return `${bytes.subarray(0, rest - tail)}${DOTS}${bytes.subarray(-tail)}`;
}
