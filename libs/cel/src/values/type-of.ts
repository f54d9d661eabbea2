import { type CelType, cel } from '../type.js';
import { Duration, ListValue, MapValue, Optional, Timestamp, TypeValue, Uint, type Value } from './value.js';

const LIST = cel.list(cel.dyn);
const OPTIONAL = cel.optional(cel.dyn);
const TYPE = cel.type();

/** The type of a value, without the types of what it contains. */
export function typeOf(value: Value): CelType {
  switch (typeof value) {
    case 'bigint':
      return cel.int;
    case 'number':
      return cel.double;
    case 'boolean':
      return cel.bool;
    case 'string':
      return cel.string;
  }
  if (value === null) return cel.nullType;
  if (value instanceof ListValue) return LIST;
  if (value instanceof Uint) return cel.uint;
  if (value instanceof Uint8Array) return cel.bytes;
  if (value instanceof Timestamp) return cel.timestamp;
  if (value instanceof Duration) return cel.duration;
  if (value instanceof Optional) return OPTIONAL;
  if (value instanceof TypeValue) return TYPE;
  return value.type;
}

/** Whether a value can be the argument of an overload, as far as its own kind tells. */
export function hasKind(value: Value, type: CelType): boolean {
  if (type.kind === 'dyn' || type.kind === 'any' || type.kind === 'param') return true;
  if (type.kind === 'map') return value instanceof MapValue;
  const own = typeOf(value);
  if (type.kind === 'opaque' || type.kind === 'struct') return own.name === type.name;
  return own.kind === type.kind;
}
