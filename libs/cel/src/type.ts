/**
 * Types of CEL expressions. The checker unifies them; the evaluator reads JSON by them; the estimator takes from them how
 * large a value can be. The language defines them: https://github.com/google/cel-spec/blob/master/doc/langdef.md.
 */

export type CelKind =
  | 'dyn'
  | 'any'
  | 'int'
  | 'uint'
  | 'double'
  | 'bool'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'null'
  | 'list'
  | 'map'
  | 'struct'
  | 'opaque'
  | 'type'
  | 'param'
  | 'error';

/** A field of an object. Its key in `fields` is the name in CEL, which may be escaped. */
export interface CelField {
  readonly type: CelType;
  /** Whether an object can lack the field; says nothing about types, since CEL lets every field be absent. */
  readonly optional?: boolean;
  /** The name in JSON, where CEL's is another. */
  readonly json?: string;
}

export interface CelType {
  readonly kind: CelKind;
  /** `list`, `map`, the name of an object or of an opaque type; what messages call it. */
  readonly name: string;
  readonly params: readonly CelType[];
  /** Of a struct; undefined when nobody knows them, which makes each of them dyn. */
  readonly fields?: ReadonlyMap<string, CelField>;
  /** Most elements, characters or bytes that a value can have; undefined when only its type bounds it. */
  readonly maxSize?: number;
  /** Of a map: what a field selects from it has the size of its values; the estimator knows no size otherwise. */
  readonly sizedFields?: boolean;
  /** Fewest bytes of JSON that a value takes: the estimator divides the size of a request by it. */
  readonly minJson?: number;
}

/** Bounds of the size of a variable, in elements, characters or bytes. */
export interface SizeBound {
  readonly min: number;
  readonly max: number;
}

const NONE: readonly CelType[] = [];

function simple(kind: CelKind, name: string = kind): CelType {
  return { kind, name, params: NONE };
}

function list(item: CelType, maxSize?: number): CelType {
  return { kind: 'list', name: 'list', params: [item], maxSize };
}

function map(key: CelType, value: CelType, maxSize?: number): CelType {
  return { kind: 'map', name: 'map', params: [key, value], maxSize };
}

/** An object: `name` is what `type()` and messages show, and what an expression writes to make one. */
function object(name: string, fields?: Readonly<Record<string, CelField>>): CelType {
  return { kind: 'struct', name, params: NONE, fields: fields && new Map(Object.entries(fields)) };
}

function opaque(name: string, ...params: CelType[]): CelType {
  return { kind: 'opaque', name, params };
}

const OPTIONAL = 'optional_type';

function optional(item: CelType): CelType {
  return opaque(OPTIONAL, item);
}

function type(of?: CelType): CelType {
  return { kind: 'type', name: 'type', params: of ? [of] : NONE };
}

/** A type that a call fills in: `A` in `(list(A), A) -> bool`. */
function param(name: string): CelType {
  return simple('param', name);
}

/** The types, and the functions that make them. */
export const cel = {
  dyn: simple('dyn'),
  any: simple('any', 'google.protobuf.Any'),
  int: simple('int'),
  uint: simple('uint'),
  double: simple('double'),
  bool: simple('bool'),
  string: simple('string'),
  bytes: simple('bytes'),
  timestamp: simple('timestamp', 'google.protobuf.Timestamp'),
  duration: simple('duration', 'google.protobuf.Duration'),
  nullType: simple('null', 'null_type'),
  error: simple('error', '*error*'),
  list,
  map,
  object,
  opaque,
  optional,
  type,
  param,
};

/** The same type with an upper bound of its size. */
export function withMaxSize(of: CelType, maxSize: number, minJson?: number): CelType {
  return { ...of, maxSize, minJson: minJson ?? of.minJson };
}

export function isOptional(of: CelType): boolean {
  return of.kind === 'opaque' && of.name === OPTIONAL;
}

export function isDyn(of: CelType): boolean {
  return of.kind === 'dyn' || of.kind === 'any';
}

export function isDynOrError(of: CelType): boolean {
  return isDyn(of) || of.kind === 'error';
}

/** Whether two types are the same in name and parameters; bounds of sizes do not matter. */
export function sameType(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.name !== b.name || a.params.length !== b.params.length) return false;
  return a.params.every((item, index) => sameType(item, b.params[index]!));
}

const SHORT: Partial<Record<CelKind, string>> = {
  any: 'any',
  duration: 'duration',
  timestamp: 'timestamp',
  null: 'null',
  error: '!error!',
};

/** A type as the messages of cel-go write it: `map(string, list(int))`. */
export function formatType(of: CelType): string {
  const short = SHORT[of.kind];
  if (short !== undefined) return short;
  if (of.params.length === 0) return of.name;
  return `${of.name}(${of.params.map(formatType).join(', ')})`;
}

/** A type as the messages about results write it: types of messages have their full names. */
export function declaredName({ name, params }: CelType): string {
  return params.length === 0 ? name : `${name}(${params.map(declaredName).join(', ')})`;
}
