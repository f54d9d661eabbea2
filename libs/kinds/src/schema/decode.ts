import { ownValue } from '#apimachinery';
import { normalBase64, normalMicroTime, normalQuantity, normalResourceAmount, normalTime } from './scalars.js';
import { type Field, type Scalar, type StructType, structType, type TypeRef } from './type-graph.js';

/**
 * Turns parsed JSON into the form in which the reference would write the object back: unknown and gated-off fields
 * dropped, empty optional values left out, mandatory ones filled with their zero value, scalars in normal form. Works in
 * place, one pass, through closures compiled once for each type.
 */

/** The body does not fit the type. The message is what Go's decoder says after `cannot be handled as a <Kind>: `. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Unknown fields that are reported, and characters of their paths: a path may be as long as the body. */
const MAX_UNKNOWN = 1000;
const MAX_UNKNOWN_LENGTH = 256 * 1024;

/** Levels below which the depth of the body is the reason for a stack that overflows. */
const DEEP = 500;

type Decoder = (value: any, context: DecodeContext) => unknown;

class DecodeContext {
  /** Steps to the value at hand: field names and map keys as strings, list indexes as numbers. */
  readonly path: (string | number)[] = [];
  depth = 0;
  /** Struct and field path for type errors; lists and maps do not count there. */
  struct = '';
  readonly goPath: string[] = [];
  goDepth = 0;
  /** Known fields of the structs at hand that were visited, the innermost last. */
  readonly keys: string[] = [];
  visited = 0;
  unknown: string[] | undefined;
  private unknownLength = 0;

  /** False when no more are reported. */
  unknownField(name: string): boolean {
    const unknown = (this.unknown ??= []);
    if (unknown.length >= MAX_UNKNOWN || this.unknownLength > MAX_UNKNOWN_LENGTH) return false;
    const path = this.pathText(name);
    this.unknownLength += path.length;
    unknown.push(path);
    return true;
  }

  private pathText(name: string): string {
    let text = '';
    for (let i = 0; i < this.depth; i++) {
      const step = this.path[i]!;
      if (typeof step === 'number') text += `[${step}]`;
      else text += text === '' ? step : `.${step}`;
    }
    return text === '' ? name : `${text}.${name}`;
  }

  mismatch(value: unknown, goType: string): DecodeError {
    const found = jsonTypeName(value);
    if (this.struct === '') return new DecodeError(`json: cannot unmarshal ${found} into Go value of type ${goType}`);
    const field = this.goPath.slice(0, this.goDepth).join('.');
    return new DecodeError(
      `json: cannot unmarshal ${found} into Go struct field ${this.struct}.${field} of type ${goType}`,
    );
  }
}

function jsonTypeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'object':
      return 'object';
    default:
      return typeof value;
  }
}

export interface Decoded {
  object: any;
  /** Paths of fields that the type does not have, the first ones in the order found; all are gone from the object. */
  unknownFields: string[];
}

/**
 * Decodes `value` as a named type of the release, in place; the returned object need not be the one given. Throws
 * DecodeError.
 */
export function decodeAs(schemaName: string, value: unknown): Decoded {
  return decode(structType(schemaName), value);
}

/** As decodeAs. */
export function decode(type: StructType, value: unknown): Decoded {
  const context = new DecodeContext();
  if (!isObject(value)) {
    const goType = type.name.split('.').slice(-2).join('.');
    throw context.mismatch(value, goType);
  }
  let object: any;
  try {
    object = structDecoder(type)(value, context);
  } catch (error) {
    // Types that contain themselves can be nested without end; the stack ends before.
    if (error instanceof RangeError && context.depth > DEEP) throw new DecodeError('exceeded max depth');
    throw error;
  }
  return { object, unknownFields: context.unknown ?? [] };
}

/** The zero value of a type as the reference writes it. */
export function zeroOf(type: StructType): any {
  return structDecoder(type)({}, new DecodeContext());
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const decoders = new WeakMap<StructType, Decoder>();

function structDecoder(type: StructType): Decoder {
  let decoder = decoders.get(type);
  if (decoder === undefined) {
    let compiled: Decoder | undefined;
    // Types may contain themselves: what is registered compiles on first use.
    decoder = (value, context) => (compiled ??= compileStruct(type))(value, context);
    decoders.set(type, decoder);
  }
  return decoder;
}

interface CompiledField {
  readonly decode: Decoder;
  readonly omitEmpty: boolean;
  readonly gatedOff: boolean;
}

function compileStruct(type: StructType): Decoder {
  const fields = new Map<string, CompiledField>();
  const filled: { name: string; zero: () => unknown }[] = [];
  for (const field of type.fields.values()) {
    fields.set(field.name, {
      decode: decoderOf(field.ref),
      omitEmpty: field.presence === 'omit-empty',
      gatedOff: field.gatedOff,
    });
    if (field.gatedOff) continue;
    if (field.presence === 'null') filled.push({ name: field.name, zero: () => null });
    if (field.presence === 'always') filled.push({ name: field.name, zero: zeroFactory(field) });
  }
  const structName = type.goName;

  /** What the object written back has for the field: undefined when it is left out. */
  const decodeField = (key: string, item: unknown, field: CompiledField, context: DecodeContext): unknown => {
    if (item === null || item === undefined || field.gatedOff) return undefined;
    context.path[context.depth++] = key;
    context.goPath[context.goDepth++] = key;
    context.struct = structName;
    const decoded = field.decode(item, context);
    context.depth--;
    context.goDepth--;
    return field.omitEmpty && isEmpty(decoded) ? undefined : decoded;
  };

  return (value, context) => {
    const base = context.visited;
    let dropped = false;
    let unknown = false;
    for (const key in value) {
      const item = value[key];
      const field = fields.get(key);
      if (field === undefined) {
        unknown = true;
        if (context.unknownField(key)) continue;
        // There may be 200,000 more, each of which takes its time to be passed over.
        const visited = new Set(context.keys.slice(base, context.visited));
        for (const [name, known] of fields) {
          const rest = visited.has(name) ? undefined : ownValue(value, name);
          // own-lookup: a name of the facts
          if (rest !== undefined) value[name] = decodeField(name, rest, known, context);
        }
        break;
      }
      context.keys[context.visited++] = key;
      const decoded = decodeField(key, item, field, context);
      if (decoded === undefined) {
        value[key] = undefined;
        dropped = true;
      } else if (decoded !== item) {
        value[key] = decoded;
      }
    }
    context.visited = base;
    const result = unknown ? onlyKnown(value, fields) : dropped ? withoutUndefined(value) : value;
    for (const { name, zero } of filled) {
      // own-lookup: a name of the facts
      if (result[name] === undefined) result[name] = zero();
    }
    return result;
  };
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

function withoutUndefined(value: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key in value) {
    // own-lookup: what is not a name of the facts is undefined by now
    if (value[key] !== undefined) result[key] = value[key];
  }
  return result;
}

function onlyKnown(value: Record<string, unknown>, fields: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key of fields.keys()) {
    const item = ownValue(value, key);
    // own-lookup: a name of the facts
    if (item !== undefined) result[key] = item;
  }
  return result;
}

function zeroFactory(field: Field): () => unknown {
  const ref = field.ref;
  if (ref.kind === 'struct') {
    const decode = structDecoder(ref.type);
    return () => decode({}, new DecodeContext());
  }
  const zero = zeroValue(ref);
  return () => zero;
}

function zeroValue(ref: TypeRef): unknown {
  if (ref.kind !== 'scalar') return null;
  switch (ref.scalar) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'quantity':
      return '0';
    case 'byte':
    case 'time':
    case 'micro-time':
      return null;
    default:
      return 0;
  }
}

function decoderOf(ref: TypeRef): Decoder {
  switch (ref.kind) {
    case 'scalar':
      return scalarDecoder(ref.scalar, ref.goType);
    case 'opaque':
      return (value) => value;
    case 'struct': {
      const decode = structDecoder(ref.type);
      return (value, context) => {
        if (typeof value !== 'object' || Array.isArray(value)) throw context.mismatch(value, ref.goType);
        return decode(value, context);
      };
    }
    case 'list':
      return listDecoder(decoderOf(ref.item), nullElement(ref.item), ref.goType);
    case 'map':
      if (ref.goType === 'v1.ResourceList') {
        return mapDecoder(quantityDecoder(normalResourceAmount), nullElement(ref.value), ref.goType);
      }
      return mapDecoder(decoderOf(ref.value), nullElement(ref.value), ref.goType);
  }
}

/** What a `null` list element or map value becomes. */
function nullElement(ref: TypeRef): () => unknown {
  if (ref.kind === 'struct') {
    const decode = structDecoder(ref.type);
    return () => decode({}, new DecodeContext());
  }
  const zero = zeroValue(ref);
  return () => zero;
}

function listDecoder(decode: Decoder, zero: () => unknown, goType: string): Decoder {
  return (value, context) => {
    if (!Array.isArray(value)) throw context.mismatch(value, goType);
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (item === null) {
        value[i] = zero();
        continue;
      }
      context.path[context.depth++] = i;
      const decoded = decode(item, context);
      context.depth--;
      if (decoded !== item) value[i] = decoded;
    }
    return value;
  };
}

function mapDecoder(decode: Decoder, zero: () => unknown, goType: string): Decoder {
  return (value, context) => {
    if (typeof value !== 'object' || Array.isArray(value)) throw context.mismatch(value, goType);
    for (const key in value) {
      const item = value[key];
      if (item === null) {
        value[key] = zero();
        continue;
      }
      context.path[context.depth++] = key;
      const decoded = decode(item, context);
      context.depth--;
      if (decoded !== item) value[key] = decoded;
    }
    return value;
  };
}

function scalarDecoder(scalar: Scalar, goType: string): Decoder {
  switch (scalar) {
    case 'string':
      return (value, context) => {
        if (typeof value !== 'string') throw context.mismatch(value, goType);
        return value;
      };
    case 'boolean':
      return (value, context) => {
        if (typeof value !== 'boolean') throw context.mismatch(value, goType);
        return value;
      };
    case 'int32':
      return integerDecoder(goType, -2_147_483_648, 2_147_483_647);
    case 'int64':
      return integerDecoder(goType, -(2 ** 63), 2 ** 63);
    case 'double':
      return (value, context) => {
        if (typeof value !== 'number') throw context.mismatch(value, goType);
        return value;
      };
    case 'byte':
      return textDecoder(goType, normalBase64);
    case 'time':
      return textDecoder('string', normalTime);
    case 'micro-time':
      return textDecoder('string', normalMicroTime);
    case 'quantity':
      return quantityDecoder(normalQuantity);
    case 'int-or-string':
      return (value, context) => {
        if (typeof value === 'string') return value;
        if (typeof value !== 'number') throw goValueMismatch(value, 'int32');
        if (!Number.isInteger(value) || Math.abs(value) > 2_147_483_648) throw goValueMismatch(value, 'int32');
        void context;
        return value;
      };
  }
}

function quantityDecoder(normal: (text: string) => string): Decoder {
  return (value) => rethrown(() => normal(typeof value === 'string' ? value : JSON.stringify(value)));
}

/** Types that decode themselves do not know the field that they are in. */
function goValueMismatch(value: unknown, goType: string): DecodeError {
  const found = typeof value === 'number' ? `number ${value}` : jsonTypeName(value);
  return new DecodeError(`json: cannot unmarshal ${found} into Go value of type ${goType}`);
}

function textDecoder(goType: string, normal: (text: string) => string): Decoder {
  return (value, context) => {
    if (typeof value !== 'string') {
      throw goType === 'string' ? goValueMismatch(value, goType) : context.mismatch(value, goType);
    }
    return rethrown(() => normal(value));
  };
}

function rethrown<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    throw new DecodeError((error as Error).message);
  }
}

function integerDecoder(goType: string, min: number, max: number): Decoder {
  return (value, context) => {
    if (typeof value !== 'number') throw context.mismatch(value, goType);
    if (!Number.isInteger(value) || value < min || value > max) {
      const error = context.mismatch(value, goType);
      throw new DecodeError(error.message.replace('unmarshal number', `unmarshal number ${value}`));
    }
    return value;
  };
}
