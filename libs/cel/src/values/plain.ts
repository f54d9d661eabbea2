import { setOwn } from '#apimachinery';
import { JsonList, JsonMap, JsonObject } from './json.js';
import { formatDuration, formatTimestamp } from './times.js';
import { Duration, fail, ListValue, MapValue, Optional, Timestamp, TypeValue, Uint, type Value } from './value.js';
import { step } from './work.js';

/**
 * A value as JSON. An int that a number cannot hold stays a bigint; an absent optional is undefined. Fails for values
 * that JSON has no form for.
 */
export function plainOf(value: Value): unknown {
  switch (typeof value) {
    case 'bigint':
      return plainInt(value);
    case 'number':
    case 'string':
    case 'boolean':
      return value;
  }
  if (value === null) return null;
  if (value instanceof JsonList || value instanceof JsonMap || value instanceof JsonObject) return value.json;
  if (value instanceof ListValue) return plainList(value);
  if (value instanceof MapValue) return plainMap(value);
  if (value instanceof Uint) return plainInt(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof Optional) return value.value === undefined ? undefined : plainOf(value.value);
  if (value instanceof TypeValue) return value.type.name;
  return value.plain();
}

function plainList(list: ListValue): unknown[] {
  const items: unknown[] = [];
  for (const item of list) {
    step();
    items.push(plainOf(item));
  }
  return items;
}

function plainInt(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function plainMap(map: MapValue): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const key of map.keys()) {
    step();
    setOwn(object, jsonKey(key), plainOf(map.get(key)!));
  }
  return object;
}

function jsonKey(key: Value): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'bigint' || typeof key === 'boolean') return String(key);
  return key instanceof Uint ? String(key.value) : fail('unsupported key type');
}
