import {
  Duration,
  fail,
  ListValue,
  MapValue,
  noSuchOverload,
  OpaqueValue,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './value.js';
import { step } from './work.js';

/** `==`: numbers compare by value across their types; values of other different types are not equal. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  switch (typeof a) {
    case 'string':
    case 'boolean':
      return false;
    case 'bigint':
    case 'number':
      return isNumeric(b) && numbersEqual(a, b);
  }
  if (a === null || b === null) return false;
  if (a instanceof Uint) return isNumeric(b) && numbersEqual(a, b);
  if (a instanceof ListValue) return b instanceof ListValue && listsEqual(a, b);
  if (a instanceof MapValue) return b instanceof MapValue && mapsEqual(a, b);
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Optional) return b instanceof Optional && optionalsEqual(a, b);
  if (a instanceof TypeValue) return b instanceof TypeValue && a.type.name === b.type.name;
  return b instanceof OpaqueValue && a.type.name === b.type.name && a.equals(b);
}

export function isNumeric(value: Value): value is bigint | number | Uint {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;
}

function numbersEqual(a: bigint | number | Uint, b: bigint | number | Uint): boolean {
  // JavaScript compares a bigint with a number by value, and NaN with nothing.
  // biome-ignore lint/suspicious/noDoubleEquals: values of two types are compared
  return (a instanceof Uint ? a.value : a) == (b instanceof Uint ? b.value : b);
}

function listsEqual(a: ListValue, b: ListValue): boolean {
  if (a.size !== b.size) return false;
  for (let index = 0; index < a.size; index++) {
    step();
    if (!equal(a.at(index), b.at(index))) return false;
  }
  return true;
}

function mapsEqual(a: MapValue, b: MapValue): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    step();
    const other = b.get(key);
    if (other === undefined || !equal(a.get(key)!, other)) return false;
  }
  return true;
}

function optionalsEqual(a: Optional, b: Optional): boolean {
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equal(a.value, b.value);
}

/** Less than, equal, greater: -1, 0, 1. Fails for values that have no order. */
export function compare(a: Value, b: Value): -1 | 0 | 1 {
  if (isNumeric(a)) return isNumeric(b) ? compareNumbers(a, b) : noSuchOverload();
  if (typeof a === 'string') return typeof b === 'string' ? compareText(a, b) : noSuchOverload();
  if (typeof a === 'boolean') return typeof b === 'boolean' ? order(Number(a), Number(b)) : noSuchOverload();
  if (a instanceof Uint8Array) return b instanceof Uint8Array ? Buffer.compare(a, b) : noSuchOverload();
  if (a instanceof Timestamp) return b instanceof Timestamp ? order(a.nanos, b.nanos) : noSuchOverload();
  if (a instanceof Duration) return b instanceof Duration ? order(a.nanos, b.nanos) : noSuchOverload();
  return noSuchOverload();
}

function compareNumbers(a: bigint | number | Uint, b: bigint | number | Uint): -1 | 0 | 1 {
  if (Number.isNaN(a) || Number.isNaN(b)) fail('NaN values cannot be ordered');
  return order(a instanceof Uint ? a.value : a, b instanceof Uint ? b.value : b);
}

function order(a: bigint | number, b: bigint | number): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By code points, as bytes of UTF-8 order: UTF-16 puts surrogates before the last characters of the basic plane. */
export function compareText(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) < rank(right) ? -1 : 1;
  }
  return a.length < b.length ? -1 : 1;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
