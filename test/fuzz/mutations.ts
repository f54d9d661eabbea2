import type { Dice } from './dice.js';
import { hostileNumber, hostileValue, LANGUAGE_NAMES } from './hostile.js';
import { RawJson, writeEntries } from './raw-json.js';
import type { TypeSchema, Types } from './types.js';

/** A value inside of an object, and the type that it should have. */
interface Spot {
  holder: Record<string, unknown> | unknown[];
  key: string | number;
  schema: TypeSchema;
}

export type Json = Record<string, unknown>;

/** A copy of the object that differs in one to four places; mostly in ways that its type allows. */
export function mutated(dice: Dice, types: Types, schema: TypeSchema, object: Json): Json {
  const copy = structuredClone(object);
  for (let left = 1 + dice.below(4); left > 0; left--) change(dice, types, schema, copy);
  return copy;
}

function change(dice: Dice, types: Types, schema: TypeSchema, object: Json): void {
  const all = spots(types, schema, object);
  const spot = dice.pick(all);
  if (spot === undefined) return;
  // Those near the root are few: without this they would hardly ever change.
  const { holder, key, schema: type } = dice.chance(0.3) ? dice.pick(all.slice(0, 12)) : spot;
  const value = holder[key as keyof typeof holder] as unknown;
  const set = (next: unknown): void => {
    setMember(holder, key, next);
  };
  dice.oneOf(
    () => set(types.value(dice, type)),
    () => set(hostileValue(dice)),
    () => remove(holder, key),
    () => set(near(dice, types, type, value)),
    () => set(near(dice, types, type, value)),
    () => set(near(dice, types, type, value)),
    () => set(repeated(dice, value)),
  );
}

/** All places of an object, its own members first. */
function spots(types: Types, schema: TypeSchema, object: Json): Spot[] {
  const found: Spot[] = [];
  const queue: { value: unknown; schema: TypeSchema }[] = [{ value: object, schema }];
  for (let at = 0; at < queue.length && found.length < 400; at++) {
    const { value, schema: type } = queue[at]!;
    if (value === null || typeof value !== 'object' || value instanceof RawJson) continue;
    const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
    for (const key of keys) {
      const member = types.member(type, key);
      found.push({ holder: value as Json, key, schema: member });
      queue.push({ value: (value as Json)[key as keyof Json], schema: member });
    }
  }
  return found;
}

/** Something like the value: another text, number, member or element. */
function near(dice: Dice, types: Types, type: TypeSchema, value: unknown): unknown {
  if (typeof value === 'string') return nearText(dice, value);
  if (typeof value === 'number')
    return dice.oneOf<unknown>(
      () => value + 1,
      () => value - 1,
      () => -value,
      () => hostileNumber(dice),
    );
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) {
    const element = types.member(type, 0);
    if (value.length === 0) return [types.value(dice, element)];
    return dice.oneOf<unknown[]>(
      () => [...value, types.value(dice, element)],
      () => [...value, ...structuredClone(value.filter((item) => !(item instanceof RawJson)))],
      () => value.slice(1),
      () => [...value].reverse(),
      () =>
        Array.from({ length: dice.pick([40, 300]) }, () =>
          value[0] instanceof RawJson ? null : structuredClone(value[0]),
        ),
    );
  }
  if (value !== null && typeof value === 'object' && !(value instanceof RawJson)) {
    const names = Object.keys(types.resolved(type).properties ?? {});
    const name =
      names.length > 0 && dice.chance(0.95) ? dice.pick(names) : dice.pick(['x', 'unknown', '', 'Spec', 'a/b']);
    const copy = { ...value };
    setMember(copy, name, types.value(dice, types.member(type, name)));
    return copy;
  }
  return types.value(dice, type);
}

function nearText(dice: Dice, text: string): string {
  const at = dice.below(text.length + 1);
  return dice.oneOf(
    () => text.slice(0, at) + dice.pick(['a', 'Z', '-', '.', '/', ' ', '0', '*', '%', ':', '\0', 'é']) + text.slice(at),
    () => text.slice(0, at) + text.slice(at + 1),
    () => text + text,
    () => text.toUpperCase(),
    () => `${text}${'x'.repeat(dice.pick([1, 20, 60, 250]))}`,
  );
}

/** The same members with one of them twice, or with names that every object inherits. */
function repeated(dice: Dice, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof RawJson)
    return [value, value];
  const entries: [string, unknown][] = Object.entries(value);
  const again = dice.pick(entries);
  if (again !== undefined && dice.chance(0.6))
    entries.push([again[0], dice.chance(0.5) ? again[1] : hostileValue(dice)]);
  else entries.push([dice.pick(LANGUAGE_NAMES), dice.pick<unknown>(['x', { a: 'b' }, 1, null])]);
  return new RawJson(writeEntries(entries));
}

function setMember(holder: Json | unknown[], key: string | number, value: unknown): void {
  Object.defineProperty(holder, key, { value, configurable: true, enumerable: true, writable: true });
}

function remove(holder: Json | unknown[], key: string | number): void {
  if (Array.isArray(holder)) holder.splice(key as number, 1);
  else delete holder[key];
}
