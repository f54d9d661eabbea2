import { SELECT } from '../cost/factors.js';
import { shown } from '../values/maps.js';
import { typeOf } from '../values/type-of.js';
import { fail, ListValue, MapValue, Optional, Uint, type Value } from '../values/value.js';
import type { Frame } from './frame.js';

/** What a key or index finds; undefined when there is nothing. */
function find(of: Value, key: Value): Value | undefined {
  if (of instanceof MapValue) return of.get(key);
  if (of instanceof ListValue) {
    const index = indexOf(key);
    return index >= 0 && index < of.size ? of.at(index) : undefined;
  }
  return undefined;
}

function indexOf(key: Value): number {
  if (typeof key === 'bigint') return Number(key);
  if (key instanceof Uint) return Number(key.value);
  if (typeof key !== 'number') return fail(`unsupported index type '${typeOf(key).name}' in list`);
  return Number.isInteger(key) ? key : fail(`unsupported index value ${key} in list`);
}

/** `of.key` and `of[key]`. Behind an optional, and with `?`, the result is optional. */
export function access(frame: Frame, of: Value, key: Value, optional: boolean): Value {
  if (of instanceof Optional) return of.value === undefined ? of : accessOptional(frame, of.value, key);
  if (optional) return accessOptional(frame, of, key);
  frame.charge(SELECT);
  const found = find(of, key);
  if (found !== undefined) return found;
  return fail(of instanceof ListValue ? `index out of bounds: ${shown(key)}` : `no such key: ${shown(key)}`);
}

function accessOptional(frame: Frame, of: Value, key: Value): Value {
  const found = find(of, key);
  if (found === undefined) return Optional.none;
  frame.charge(SELECT);
  return Optional.of(found);
}

/** `has(of.field)` */
export function isPresent(frame: Frame, of: Value, field: string): boolean {
  frame.charge(SELECT);
  const target = of instanceof Optional ? of.value : of;
  return target instanceof MapValue && target.has(field);
}
