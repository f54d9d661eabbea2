import { quote } from '#apimachinery';
import { plainDecimal } from '../values/numbers.js';
import { formatTimestamp } from '../values/times.js';
import { Duration, ListValue, MapValue, Optional, Timestamp, TypeValue, Uint, type Value } from '../values/value.js';

/** A value as cel-go's types.Format writes it; the entries of a map in order, which cel-go has not. */
export function show(value: Value): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return showDouble(value);
  if (value instanceof Uint) return `${value.value}u`;
  if (value instanceof Uint8Array) return `b"${Array.from(value, octal).join('')}"`;
  if (value instanceof Optional) return value.value === undefined ? 'none' : `some(${show(value.value)})`;
  if (value instanceof Timestamp) return `timestamp("${formatTimestamp(value)}")`;
  if (value instanceof Duration) return `duration("${plainDecimal(Number(value.nanos) / 1e9)}s")`;
  if (value instanceof TypeValue) return value.type.name;
  if (value instanceof ListValue) return `[${Array.from(value, show).join(', ')}]`;
  return value instanceof MapValue ? `{${entries(value).join(', ')}}` : value.type.name;
}

function entries(map: MapValue): string[] {
  return Array.from(map.keys(), (key) => `${show(key)}: ${show(map.get(key)!)}`).sort();
}

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, '0')}`;
}

function showDouble(value: number): string {
  if (Number.isNaN(value)) return 'double("NaN")';
  if (!Number.isFinite(value)) return `double("${value > 0 ? '' : '-'}Infinity")`;
  const text = plainDecimal(value);
  return text.includes('.') ? text : `${text}.0`;
}
