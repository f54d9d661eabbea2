import { type Functions } from '../check/declarations.js';
import { Operator } from '../syntax/ast.js';
import { MAP_INSERT } from '../syntax/macros.js';
import { type CelType, cel } from '../type.js';
import { compare, equal } from '../values/compare.js';
import { GrowingMap } from '../values/maps.js';
import { divideInt, divideUint, int, moduloInt, moduloUint, uint } from '../values/numbers.js';
import { runeCount } from '../values/text.js';
import { duration, timestamp } from '../values/times.js';
import { typeOf } from '../values/type-of.js';
import {
  ArrayList,
  Duration,
  fail,
  GrowingList,
  ListValue,
  MapValue,
  noSuchOverload,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from '../values/value.js';
import { declareConversions } from './conversions.js';
import { matchesPattern, patternOf } from './patterns.js';
import { declareTimes } from './times.js';

const A = cel.param('A');
const B = cel.param('B');
const LIST = cel.list(A);
const MAP = cel.map(A, B);
const { bool, bytes, double, string } = cel;

/** Functions and operators of the language: https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions. */
export function declareStandard(functions: Functions): void {
  declareLogic(functions);
  declareArithmetic(functions);
  declareOrder(functions);
  declareContainers(functions);
  declareStrings(functions);
  declareConversions(functions);
  declareTimes(functions);
}

function declareLogic(functions: Functions): void {
  functions.global(Operator.conditional, 'conditional', [bool, A, A], A);
  functions.global(Operator.and, 'logical_and', [bool, bool], bool);
  functions.global(Operator.or, 'logical_or', [bool, bool], bool);
  functions.global(Operator.not, 'logical_not', [bool], bool, (a) => !(a as boolean));
  functions.global(Operator.notStrictlyFalse, 'not_strictly_false', [bool], bool);
  functions.global(Operator.equals, 'equals', [A, A], bool, (a, b) => equal(a!, b!));
  functions.global(Operator.notEquals, 'not_equals', [A, A], bool, (a, b) => !equal(a!, b!));
}

/** `x op y` for two values of one type. */
function binary(
  functions: Functions,
  operator: string,
  name: string,
  type: CelType,
  run: (a: never, b: never) => Value,
): void {
  functions.global(
    operator,
    `${name}_${type === cel.int ? 'int64' : type === cel.uint ? 'uint64' : type.kind}`,
    [type, type],
    type,
    run as (...args: Value[]) => Value,
  );
}

function declareArithmetic(functions: Functions): void {
  const { add, subtract, multiply, divide, modulo, negate } = Operator;
  binary(functions, add, 'add', bytes, (a: Uint8Array, b: Uint8Array) => Buffer.concat([a, b]));
  binary(functions, add, 'add', double, (a: number, b: number) => a + b);
  declareTimeSums(functions);
  binary(functions, add, 'add', cel.int, (a: bigint, b: bigint) => int(a + b));
  functions.global(add, 'add_list', [LIST, LIST], LIST, (a, b) => concatenate(a as ListValue, b as ListValue));
  binary(functions, add, 'add', string, (a: string, b: string) => a + b);
  binary(functions, add, 'add', cel.uint, (a: Uint, b: Uint) => uint(a.value + b.value));

  binary(functions, divide, 'divide', double, (a: number, b: number) => a / b);
  binary(functions, divide, 'divide', cel.int, divideInt);
  binary(functions, divide, 'divide', cel.uint, divideUint);
  binary(functions, modulo, 'modulo', cel.int, moduloInt);
  binary(functions, modulo, 'modulo', cel.uint, moduloUint);
  binary(functions, multiply, 'multiply', double, (a: number, b: number) => a * b);
  binary(functions, multiply, 'multiply', cel.int, (a: bigint, b: bigint) => int(a * b));
  binary(functions, multiply, 'multiply', cel.uint, (a: Uint, b: Uint) => uint(a.value * b.value));
  functions.global(negate, 'negate_double', [double], double, (a) => -(a as number));
  functions.global(negate, 'negate_int64', [cel.int], cel.int, (a) => int(-(a as bigint)));

  binary(functions, subtract, 'subtract', double, (a: number, b: number) => a - b);
  declareTimeDifferences(functions);
  binary(functions, subtract, 'subtract', cel.int, (a: bigint, b: bigint) => int(a - b));
  binary(functions, subtract, 'subtract', cel.uint, (a: Uint, b: Uint) => uint(a.value - b.value));
}

function nanos(value: Value | undefined): bigint {
  return (value as Timestamp | Duration).nanos;
}

function declareTimeSums(functions: Functions): void {
  const { duration: length, timestamp: time } = cel;
  const move = (a?: Value, b?: Value) => timestamp(nanos(a) + nanos(b));
  const total = (a?: Value, b?: Value) => duration(nanos(a) + nanos(b));
  functions.global(Operator.add, 'add_duration_duration', [length, length], length, total);
  functions.global(Operator.add, 'add_duration_timestamp', [length, time], time, move);
  functions.global(Operator.add, 'add_timestamp_duration', [time, length], time, move);
}

function declareTimeDifferences(functions: Functions): void {
  const { duration: length, timestamp: time } = cel;
  const between = (a?: Value, b?: Value) => duration(nanos(a) - nanos(b));
  const moveBack = (a?: Value, b?: Value) => timestamp(nanos(a) - nanos(b));
  functions.global(Operator.subtract, 'subtract_duration_duration', [length, length], length, between);
  functions.global(Operator.subtract, 'subtract_timestamp_duration', [time, length], time, moveBack);
  functions.global(Operator.subtract, 'subtract_timestamp_timestamp', [time, time], length, between);
}

/** The accumulator of a macro grows; other lists are copied. */
function concatenate(a: ListValue, b: ListValue): ListValue {
  if (a instanceof GrowingList) {
    for (const item of b) a.items.push(item);
    return a;
  }
  if (b.size === 0) return a;
  return a.size === 0 ? b : new ArrayList([...a, ...b]);
}

const ORDERS: readonly [string, string, (order: number) => boolean][] = [
  [Operator.less, 'less', (order) => order < 0],
  [Operator.lessEquals, 'less_equals', (order) => order <= 0],
  [Operator.greater, 'greater', (order) => order > 0],
  [Operator.greaterEquals, 'greater_equals', (order) => order >= 0],
];

/** The order decides which of several overloads of dyn gives the type. */
const ORDERED: readonly (readonly [string, CelType, CelType])[] = [
  ['bool', bool, bool],
  ['int64', cel.int, cel.int],
  ['int64_double', cel.int, double],
  ['int64_uint64', cel.int, cel.uint],
  ['uint64', cel.uint, cel.uint],
  ['uint64_double', cel.uint, double],
  ['uint64_int64', cel.uint, cel.int],
  ['double', double, double],
  ['double_int64', double, cel.int],
  ['double_uint64', double, cel.uint],
  ['string', string, string],
  ['bytes', bytes, bytes],
  ['timestamp', cel.timestamp, cel.timestamp],
  ['duration', cel.duration, cel.duration],
];

function declareOrder(functions: Functions): void {
  for (const [operator, name, holds] of ORDERS) {
    for (const [suffix, left, right] of ORDERED) {
      functions.global(operator, `${name}_${suffix}`, [left, right], bool, (a, b) => holds(compare(a!, b!)));
    }
  }
}

function declareContainers(functions: Functions): void {
  functions.global(Operator.index, 'index_list', [LIST, cel.int], A);
  functions.global(Operator.index, 'index_map', [MAP, A], B);
  functions.global(Operator.in, 'in_list', [A, LIST], bool, (item, list) => contains(list as ListValue, item!));
  functions.global(Operator.in, 'in_map', [A, MAP], bool, (key, map) => (map as MapValue).has(key!));
  functions.global('type', 'type', [A], cel.type(A), (value) => new TypeValue(typeOf(value!)));
  for (const [name, type] of [
    ['bytes', bytes],
    ['list', LIST],
    ['map', MAP],
    ['string', string],
  ] as const) {
    functions.global('size', `size_${name}`, [type], cel.int, (value) => sizeOf(value!));
    functions.member('size', `${name}_size`, [type], cel.int, (value) => sizeOf(value!));
  }
}

export function declareMapInsert(functions: Functions): void {
  const grow = (map: Value | undefined) => (map instanceof GrowingMap ? map : fail('no such overload'));
  functions.global(MAP_INSERT, 'cel_@mapInsert_map_key_value', [MAP, A, B], MAP, (map, key, value) =>
    grow(map).insert(key!, value!),
  );
  functions.global(MAP_INSERT, 'cel_@mapInsert_map_map', [MAP, MAP], MAP, (map, entries) => {
    const target = grow(map);
    const source = entries as MapValue;
    for (const key of source.keys()) target.insert(key, source.get(key)!);
    return target;
  });
}

export function contains(list: ListValue, item: Value): boolean {
  for (const candidate of list) if (equal(candidate, item)) return true;
  return false;
}

function sizeOf(value: Value): bigint {
  if (typeof value === 'string') return BigInt(runeCount(value));
  if (value instanceof Uint8Array) return BigInt(value.length);
  return value instanceof ListValue || value instanceof MapValue ? BigInt(value.size) : noSuchOverload();
}

function declareStrings(functions: Functions): void {
  const pair = [string, string];
  const text = (run: (text: string, other: string) => boolean) => run as unknown as (...args: Value[]) => Value;
  functions.member(
    'contains',
    'contains_string',
    pair,
    bool,
    text((a, b) => a.includes(b)),
  );
  functions.member(
    'endsWith',
    'ends_with_string',
    pair,
    bool,
    text((a, b) => a.endsWith(b)),
  );
  functions.member(
    'startsWith',
    'starts_with_string',
    pair,
    bool,
    text((a, b) => a.startsWith(b)),
  );
  const matches = text((a, pattern) => matchesPattern(patternOf(pattern), a));
  functions.global('matches', 'matches', pair, bool, matches);
  functions.member('matches', 'matches_string', pair, bool, matches);
}
