import { type CelType, cel } from '../type.js';
import { fail, MapValue, Uint, type Value } from './value.js';

const DYN_MAP = cel.map(cel.dyn, cel.dyn);

/**
 * The key by which a map finds a value: numbers are equal across their types, so 1, 1u and 1.0 have one key. Undefined
 * for what can be no key.
 */
export function keyOf(value: Value): string | undefined {
  switch (typeof value) {
    case 'string':
      return `s${value}`;
    case 'bigint':
      return `n${value}`;
    case 'number':
      return Number.isInteger(value) ? `n${BigInt(value)}` : `f${value}`;
    case 'boolean':
      return `b${value}`;
  }
  return value instanceof Uint ? `n${value.value}` : undefined;
}

/** A map that an expression made. */
export class EntryMap extends MapValue {
  readonly type = DYN_MAP;
  protected readonly entries = new Map<string, readonly [Value, Value]>();

  static of(entries: Iterable<readonly [Value, Value]>): EntryMap {
    const map = new EntryMap();
    for (const [key, value] of entries) map.set(key, value);
    return map;
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: Value): Value | undefined {
    const found = keyOf(key);
    return found === undefined ? undefined : this.entries.get(found)?.[1];
  }

  *keys(): Iterable<Value> {
    for (const [key] of this.entries.values()) yield key;
  }

  /** Refuses what can be no key. As in cel-go the last of several values of a key stays. */
  protected set(key: Value, value: Value): void {
    const text = typeof key === 'number' ? undefined : keyOf(key);
    if (text === undefined) fail('unsupported key type');
    this.entries.set(text!, [key, value]);
  }
}

/** The accumulator of transformMap, which grows in place. */
export class GrowingMap extends EntryMap {
  insert(key: Value, value: Value): this {
    const text = keyOf(key);
    if (text === undefined) return fail('unsupported key type');
    if (this.entries.has(text)) fail(`insert failed: key ${shown(key)} already exists`);
    this.entries.set(text, [key, value]);
    return this;
  }
}

/** An object that an expression made: `Object{spec: ...}`. */
export class StructValue extends MapValue {
  constructor(
    readonly type: CelType,
    private readonly fields: ReadonlyMap<string, Value>,
  ) {
    super();
  }

  get size(): number {
    return this.fields.size;
  }

  get(key: Value): Value | undefined {
    return typeof key === 'string' ? this.fields.get(key) : undefined;
  }

  keys(): Iterable<Value> {
    return this.fields.keys();
  }
}

/** A key as errors show it. */
export function shown(key: Value): string {
  if (typeof key === 'string' || typeof key === 'boolean' || typeof key === 'bigint' || typeof key === 'number') {
    return String(key);
  }
  return key instanceof Uint ? String(key.value) : 'unknown';
}
