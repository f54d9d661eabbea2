import type { Expr } from '../syntax/ast.js';
import { type CelType, sameType } from '../type.js';
import {
  ACCESSORS,
  AUTHORIZER_CHECK,
  CREATE_LIST,
  LIST_READERS,
  MAX_FORMAT,
  MAX_FORMAT_PATTERN,
  REQUIREMENT,
  REQUIREMENTS_PER_CHARACTER,
  TEXT_PARSERS,
  TRAVERSE_PATTERN,
  TRAVERSE_STRING,
} from './factors.js';
import { add, fixed, MOST, multiply, type Range, scale, smaller } from './ranges.js';

/** An argument of a call, with what is known of its size. */
export interface SizedNode {
  readonly expr: Expr;
  readonly type: CelType;
  readonly size: Range;
  readonly known: Range | undefined;
  /** The size of the elements of a list. */
  items(): Range;
}

/** Sizes of what a list or map contains. */
export interface Entry {
  readonly kind: 'list' | 'map';
  readonly key: Range;
  readonly value: Range;
}

export interface CallEstimate {
  readonly cost: Range;
  /** Of the result; undefined when only its type tells. */
  readonly size?: Range;
}

type Estimate = (target: SizedNode | undefined, args: readonly SizedNode[]) => CallEstimate | undefined;

const ONE = fixed(1);

const read = (size: Range): Range => scale(size, TRAVERSE_STRING);
const readTwice = (size: Range): Range => scale(size, 2 * TRAVERSE_STRING);
const readFirst: Estimate = (_, [text]) => text && { cost: read(text.size) };
const keepsSize: Estimate = (target) => target && { cost: read(target.size), size: target.size };

/** Without the costs of the arguments themselves. */
export function estimateCall(
  name: string,
  overload: string,
  target: SizedNode | undefined,
  args: readonly SizedNode[],
): CallEstimate {
  const estimate =
    libraryEstimate(overload)?.(target, args) ??
    (overload === 'cidr_ip' ? { cost: ONE } : functionEstimate(name, overload, target, args)) ??
    byOverload.get(overload)?.(target, args);
  return estimate ?? { cost: ONE };
}

/** An address is 4 or 16 bytes. */
const ADDRESS: Range = { min: 4n, max: 16n };
const COMPARE_ADDRESSES = read(add(ADDRESS, ADDRESS));

const byFunction = new Map<string, Estimate>([
  ['check', () => ({ cost: fixed(AUTHORIZER_CHECK) })],
  ['fieldSelector', (_, [selector]) => selector && { cost: selectorCost(selector.size) }],
  ['labelSelector', (_, [selector]) => selector && { cost: selectorCost(selector.size) }],
  ['url', (_, [text]) => text && { cost: read(text.size), size: text.size }],
  ['jsonpatch.escapeKey', (_, [text]) => text && { cost: read(text.size), size: text.size }],
  ...['lowerAscii', 'upperAscii', 'substring', 'trim'].map((name): [string, Estimate] => [name, keepsSize]),
  ['replace', (target, [from, to]) => target && from && to && replaceEstimate(target.size, from.size, to.size)],
  ['split', (target, args) => target && splitEstimate(target, args)],
  ['join', (target, args) => target && joinEstimate(target, args)],
  ['find', (target, [pattern]) => target && pattern && findEstimate(target, pattern)],
  ['findAll', (target, [pattern]) => target && pattern && findEstimate(target, pattern)],
  ['ip.isCanonical', (_, [text]) => text && { cost: readTwice(text.size) }],
  ['validate', (_, [text]) => text && { cost: scale(read(text.size), MAX_FORMAT_PATTERN * TRAVERSE_PATTERN) }],
  ...[...TEXT_PARSERS].map((name): [string, Estimate] => [name, readFirst]),
  ...[...ACCESSORS].map((name): [string, Estimate] => [name, () => ({ cost: ONE })]),
]);

function functionEstimate(
  name: string,
  overload: string,
  target: SizedNode | undefined,
  args: readonly SizedNode[],
): CallEstimate | undefined {
  if (LIST_READERS.has(name)) return target && listReader(name, target);
  if (name === 'containsIP' || name === 'containsCIDR') return containsEstimate(name, overload, args);
  if (name === '_==_') return equalsEstimate(args);
  return byFunction.get(name)?.(target, args);
}

function selectorCost(length: Range): Range {
  const requirements = scale(length, REQUIREMENTS_PER_CHARACTER);
  return add(fixed(CREATE_LIST), read(length), scale(requirements, REQUIREMENT));
}

/** One comparison per element; strings are read, too. */
function listReader(name: string, target: SizedNode): CallEstimate {
  const item = target.type.params[0];
  if (item === undefined) return { cost: name === 'includes' ? multiply(target.size, ONE) : read(target.size) };
  const isText = item.kind === 'string' || item.kind === 'bytes';
  return { cost: multiply(target.size, isText ? add(ONE, read(target.items())) : ONE) };
}

function containsEstimate(name: string, overload: string, [other]: readonly SizedNode[]): CallEstimate | undefined {
  if (other === undefined) return undefined;
  const parse = overload.endsWith('_string') ? [read(other.size)] : [];
  const mask = name === 'containsCIDR' ? [read(ADDRESS), ONE] : [];
  return { cost: add(COMPARE_ADDRESSES, ...mask, ...parse) };
}

/** Values of Kubernetes' libraries. */
function equalsEstimate([a, b]: readonly SizedNode[]): CallEstimate | undefined {
  if (a === undefined || b === undefined || !sameType(a.type, b.type)) return undefined;
  const { kind, name } = a.type;
  if (kind === 'opaque') return name === 'net.IP' || name === 'net.CIDR' ? { cost: ONE } : undefined;
  if (kind !== 'struct' || !name.startsWith('kubernetes.')) return undefined;
  if (name === 'kubernetes.NamedFormat') return { cost: read({ min: 1n, max: BigInt(MAX_FORMAT) }) };
  if (name !== 'kubernetes.URL') return { cost: ONE };
  return { cost: read({ min: 1n, max: b.known?.max ?? 1n }) };
}

function ceilDivide(a: bigint, b: bigint): bigint {
  return a === MOST ? MOST : (a + b - 1n) / b;
}

function replaceEstimate(text: Range, from: Range, to: Range): CallEstimate {
  let most = 0n;
  let kept = 0n;
  if (from.min === 0n) [most, kept] = [text.max === MOST ? MOST : text.max + 1n, text.max];
  else if (to.max <= from.min) kept = text.max;
  else most = ceilDivide(text.max, from.min);
  let least = 0n;
  let keptLeast = 0n;
  if (from.max === 0n) [least, keptLeast] = [text.min + 1n, text.min];
  else if (from.max <= to.min) keptLeast = text.min;
  else least = ceilDivide(text.min, from.max);
  const size = add(multiply({ min: least, max: most }, to), { min: keptLeast, max: kept });
  return { cost: readTwice(text), size };
}

function splitEstimate({ size }: SizedNode, args: readonly SizedNode[]): CallEstimate {
  const limit = args[1]?.expr;
  const literal =
    limit?.kind === 'literal' && typeof limit.value === 'bigint' ? BigInt.asUintN(64, limit.value) : undefined;
  return { cost: readTwice(size), size: { min: 0n, max: literal ?? size.max } };
}

function joinEstimate(list: SizedNode, [separator]: readonly SizedNode[]): CallEstimate {
  const item = list.type.params[0];
  let size = item === undefined ? fixed(0) : multiply(list.size, list.items());
  if (separator !== undefined) {
    const less = (count: bigint) => (count > 0n ? count - 1n : 0n);
    size = add(size, multiply(separator.size, { min: less(list.size.min), max: less(list.size.max) }));
  }
  return { cost: read(size), size };
}

function patternCost(text: SizedNode, pattern: SizedNode): Range {
  return multiply(read(add(text.size, ONE)), scale(pattern.size, TRAVERSE_PATTERN));
}

function findEstimate(text: SizedNode, pattern: SizedNode): CallEstimate {
  return { cost: patternCost(text, pattern), size: { min: 0n, max: text.size.max } };
}

const readSmaller: Estimate = (_, [a, b]) => {
  if (a === undefined || b === undefined) return undefined;
  const max = smaller(a.size.max, b.size.max);
  return { cost: read({ min: max > 0n ? 1n : 0n, max }) };
};

const readArgument: Estimate = (target, args) =>
  target && args.length === 1 ? { cost: read(args[0]!.size) } : undefined;

const sum: Estimate = (_, [a, b]) => {
  if (a === undefined || b === undefined) return undefined;
  const size = add(a.size, b.size);
  return { cost: read(size), size };
};

const ORDERS = ['less', 'less_equals', 'greater', 'greater_equals'];

const byOverload = new Map<string, Estimate>([
  ['string_format', (target) => target && { cost: read(target.size) }],
  [
    'string_to_bytes',
    (_, [text]) =>
      text && { cost: read(text.size), size: { min: text.size.min, max: BigInt.asUintN(64, text.size.max * 4n) } },
  ],
  [
    'bytes_to_string',
    (_, [bytes]) => bytes && { cost: read(bytes.size), size: { min: bytes.size.min / 4n, max: bytes.size.max } },
  ],
  [
    'strings_quote',
    (_, [text]) =>
      text && {
        cost: read(text.size),
        size: { min: text.size.min + 2n, max: BigInt.asUintN(64, text.size.max * 2n + 2n) },
      },
  ],
  ['starts_with_string', readArgument],
  ['ends_with_string', readArgument],
  ['in_list', (_, [, list]) => list && { cost: list.size }],
  ['matches', (_, [text, pattern]) => text && pattern && { cost: patternCost(text, pattern) }],
  ['matches_string', (text, [pattern]) => text && pattern && { cost: patternCost(text, pattern) }],
  ['contains_string', (text, [part]) => text && part && { cost: multiply(read(text.size), read(part.size)) }],
  ...['add_string', 'add_bytes'].map((id): [string, Estimate] => [id, sum]),
  ['add_list', (_, [a, b]) => a && b && { cost: ONE, size: add(a.size, b.size) }],
  ...ORDERS.flatMap((order) => [`${order}_string`, `${order}_bytes`]).map((id): [string, Estimate] => [
    id,
    readSmaller,
  ]),
  ['equals', readSmaller],
  ['not_equals', readSmaller],
]);

/** A new list, after `work` units. */
function allocation(size: Range, factor: number): CallEstimate {
  return { cost: add(scale(size, factor), ONE, fixed(CREATE_LIST)), size };
}

function square(size: Range): Range {
  return multiply(size, size);
}

/** A literal int; another expression can be anything. */
function literalOr({ expr }: SizedNode, otherwise: bigint): bigint {
  if (expr.kind !== 'literal' || typeof expr.value !== 'bigint') return otherwise;
  return expr.value < 0n ? 0n : expr.value;
}

const sets =
  (factor: number): Estimate =>
  (_, [a, b]) =>
    a && b && { cost: add(scale(multiply(a.size, b.size), factor), ONE) };

const ofLibraries = new Map<string, Estimate>([
  ['list_sets_contains_list', sets(1)],
  ['list_sets_intersects_list', sets(1)],
  ['list_sets_equivalent_list', sets(2)],
  [
    'list_slice',
    (list, [start, end]) => list && start && end && sliceEstimate(literalOr(start, 0n), literalOr(end, list.size.max)),
  ],
  ['lists_range', (_, [size]) => size && allocation(fixed(literalOr(size, MOST)), 1)],
  ['list_reverse', (list) => list && allocation(list.size, 1)],
  ['list_flatten', (list) => list && allocation(list.size, 1)],
  ['list_flatten_int', (list, [depth]) => list && depth && allocation(list.size, Number(literalOr(depth, MOST)))],
  ['list_distinct', (list) => list && allocation(square(list.size), 2)],
]);

function sliceEstimate(start: bigint, end: bigint): CallEstimate {
  return allocation(fixed(BigInt.asUintN(64, end - start)), 1);
}

function libraryEstimate(overload: string): Estimate | undefined {
  const match = /^list_(.*)_(sort|sortByAssociatedKeys)$/.exec(overload);
  if (match === null) return ofLibraries.get(overload);
  const factor = match[1] === 'string' || match[1] === 'bytes' ? 2 + TRAVERSE_STRING : 2;
  return (list, [keys]) => {
    const sized = match[2] === 'sort' ? list : keys;
    return sized && allocation(square(sized.size), factor);
  };
}
