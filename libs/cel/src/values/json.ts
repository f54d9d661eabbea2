import { ownValue } from '#apimachinery';
import { type CelField, type CelType, cel, isOptional } from '../type.js';
import { parseDate, parseGoDuration, parseTimestamp } from './times.js';
import {
  Duration,
  fail,
  ListValue,
  MapValue,
  OpaqueValue,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './value.js';

/**
 * JSON as values of CEL, by its type, as far as an expression reads it. Without a type a whole number is an int; in an `any` each
 * number is a double, and what it contains are such values again, as Go reads JSON that it knows nothing of.
 * Fails for what is not of its type: stored objects can be older than their schema.
 */
export function valueOfJson(json: unknown, type: CelType): Value {
  if (isOptional(type)) {
    if (json instanceof Optional) return json;
    return json === undefined ? Optional.none : Optional.of(valueOfJson(json, type.params[0]!));
  }
  switch (typeof json) {
    case 'string':
      return valueOfText(json, type);
    case 'number':
      return valueOfNumber(json, type);
    case 'boolean':
    case 'bigint':
      return json;
    case 'object':
      return json === null ? null : valueOfObject(json, type);
  }
  return null;
}

function valueOfNumber(json: number, type: CelType): Value {
  if (type.kind === 'double' || type.kind === 'any') return json;
  if (type.kind === 'uint') return new Uint(BigInt(json));
  return Number.isInteger(json) ? BigInt(json) : json;
}

function valueOfText(json: string, type: CelType): Value {
  switch (type.kind) {
    case 'bytes':
      return Buffer.from(json, 'base64');
    case 'timestamp':
      return parseTimestamp(json) ?? parseDate(json) ?? fail(`failed to parse ${JSON.stringify(json)} as a time`);
    case 'duration':
      return parseSchemaDuration(json) ?? fail(`failed to parse ${JSON.stringify(json)} as a duration`);
    default:
      return json;
  }
}

/** The format `duration` of schemas: Go's syntax, or a whole number with a unit up to weeks. */
function parseSchemaDuration(text: string): Duration | undefined {
  const match = /^(\d{1,9})\s*(days?|d|weeks?|w|hours?|hrs?|mins?|minutes?|secs?|seconds?)$/i.exec(text.trim());
  if (match === null) return parseGoDuration(text);
  const unit = UNIT_SECONDS.get(match[2]!.toLowerCase()[0]!)!;
  return new Duration(BigInt(match[1]!) * unit * 1_000_000_000n);
}

const UNIT_SECONDS = new Map([
  ['s', 1n],
  ['m', 60n],
  ['h', 3600n],
  ['d', 86_400n],
  ['w', 604_800n],
]);

function valueOfObject(json: object, type: CelType): Value {
  if (Array.isArray(json)) return new JsonList(json, type.kind === 'list' ? type.params[0]! : unknownOf(type));
  if (isValue(json)) return json;
  const members = json as Readonly<Record<string, unknown>>;
  if (type.kind === 'struct' && type.fields !== undefined) return new JsonObject(members, type, type.fields);
  return new JsonMap(members, type.kind === 'map' ? type : type.kind === 'any' ? ANY_MAP : STRING_MAP);
}

function unknownOf({ kind }: CelType): CelType {
  return kind === 'any' ? cel.any : cel.dyn;
}

/** Callers can give values of CEL beside JSON. */
function isValue(json: object): json is Exclude<Value, null | string | number | bigint | boolean> {
  return (
    json instanceof MapValue ||
    json instanceof ListValue ||
    json instanceof OpaqueValue ||
    json instanceof Optional ||
    json instanceof Timestamp ||
    json instanceof Duration ||
    json instanceof Uint ||
    json instanceof Uint8Array ||
    json instanceof TypeValue
  );
}

const STRING_MAP = cel.map(cel.string, cel.dyn);
const ANY_MAP = cel.map(cel.string, cel.any);

export class JsonList extends ListValue {
  constructor(
    readonly json: readonly unknown[],
    private readonly item: CelType,
  ) {
    super();
  }

  get size(): number {
    return this.json.length;
  }

  at(index: number): Value {
    return valueOfJson(this.json[index], this.item);
  }
}

/** An object whose members are alike. */
export class JsonMap extends MapValue {
  constructor(
    readonly json: Readonly<Record<string, unknown>>,
    readonly type: CelType,
  ) {
    super();
  }

  get size(): number {
    return Object.keys(this.json).length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const found = ownValue(this.json, key);
    return found === undefined ? undefined : valueOfJson(found, this.type.params[1]!);
  }

  override has(key: Value): boolean {
    return typeof key === 'string' && ownValue(this.json, key) !== undefined;
  }

  keys(): Iterable<Value> {
    return Object.keys(this.json);
  }
}

/** An object with declared fields; others cannot be seen. */
export class JsonObject extends MapValue {
  constructor(
    readonly json: Readonly<Record<string, unknown>>,
    readonly type: CelType,
    private readonly fields: ReadonlyMap<string, CelField>,
  ) {
    super();
  }

  get size(): number {
    return Object.keys(this.json).length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const field = fieldOf(this.fields, key);
    if (field === undefined) return undefined;
    const found = ownValue(this.json, field.json ?? key);
    return found === undefined ? undefined : valueOfJson(found, field.type);
  }

  *keys(): Iterable<Value> {
    for (const [name, field] of this.fields) {
      if (ownValue(this.json, field.json ?? name) !== undefined) yield name;
    }
  }
}

/** A keyword can name a field after a dot, where no keyword could stand: `self.namespace` is `self.__namespace__`. */
export function fieldOf(fields: ReadonlyMap<string, CelField>, name: string): CelField | undefined {
  const field = fields.get(name);
  if (field !== undefined) return field;
  const escaped = fields.get(`__${name}__`);
  return escaped?.json === name ? escaped : undefined;
}

/** An object whose fields are computed when an expression first reads them. */
export class LazyObject extends MapValue {
  private readonly known = new Map<string, Value>();

  constructor(
    readonly type: CelType,
    private readonly names: readonly string[],
    private readonly compute: (name: string) => Value,
  ) {
    super();
  }

  get size(): number {
    return this.names.length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !this.names.includes(key)) return undefined;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const value = this.compute(key);
    this.known.set(key, value);
    return value;
  }

  keys(): Iterable<Value> {
    return this.names;
  }
}
