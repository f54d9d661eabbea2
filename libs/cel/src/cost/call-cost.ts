import { FormatValue } from '../library/format-value.js';
import { runeCount } from '../values/text.js';
import { ListValue, MapValue, OpaqueValue, Optional, type Value } from '../values/value.js';
import { step } from '../values/work.js';
import {
  ACCESSORS,
  AUTHORIZER_CHECK,
  CREATE_LIST,
  LIST_READERS,
  REQUIREMENT,
  REQUIREMENTS_PER_CHARACTER,
  TEXT_PARSERS,
  TRAVERSE_PATTERN,
  TRAVERSE_STRING,
} from './factors.js';

/**
 * What a call costs when it runs: k8s.io/apiserver/pkg/cel/library/cost.go (CallCost), then the runtime costs of cel-go
 * and of its list and set libraries. It is charged before the call where the arguments tell it, so that a call past the
 * limit does not run.
 */
export type CallCost =
  | { readonly fixed: number }
  | { readonly before: (args: readonly Value[]) => number }
  | { readonly after: (result: Value) => number };

/** Elements of a list or map, characters of a string, bytes; 1 for other values. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return runeCount(value);
  if (value instanceof ListValue || value instanceof MapValue) return value.size;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof OpaqueValue) return value.size;
  if (value instanceof Optional && value.value !== undefined) return sizeOf(value.value);
  return 1;
}

const ONE: CallCost = { fixed: 1 };

function perCharacter(argument: number, factor = TRAVERSE_STRING): CallCost {
  return { before: (args) => Math.ceil(sizeOf(args[argument]!) * factor) };
}

const READ_TEXT = perCharacter(0);
const READ_TWICE: CallCost = { before: (args) => Math.ceil(sizeOf(args[0]!) * 2 * TRAVERSE_STRING) };
const SEARCH_PATTERN: CallCost = {
  before: ([text, pattern]) =>
    Math.ceil((1 + sizeOf(text!)) * TRAVERSE_STRING) * Math.ceil(sizeOf(pattern!) * TRAVERSE_PATTERN),
};
const TRAVERSE: CallCost = { before: ([list]) => traversal(list!) };

/** One traversal of all that a value contains. Strings are measured in bytes of UTF-8, and rounded down. */
function traversal(value: Value): number {
  step();
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * TRAVERSE_STRING);
  if (value instanceof Uint8Array) return Math.floor(value.length * TRAVERSE_STRING);
  let cost = 0;
  if (value instanceof ListValue) for (const item of value) cost += traversal(item);
  else if (value instanceof MapValue)
    for (const key of value.keys()) cost += traversal(key) + traversal(value.get(key)!);
  else return 1;
  return cost;
}

const byFunction = new Map<string, CallCost>([
  ['check', { fixed: AUTHORIZER_CHECK }],
  ['fieldSelector', { before: (args) => selectorCost(sizeOf(args[1]!)) }],
  ['labelSelector', { before: (args) => selectorCost(sizeOf(args[1]!)) }],
  ...['url', 'lowerAscii', 'upperAscii', 'substring', 'trim', 'jsonpatch.escapeKey'].map(each(READ_TEXT)),
  ...['replace', 'split', 'ip.isCanonical'].map(each(READ_TWICE)),
  ['join', { after: (result) => Math.ceil(sizeOf(result) * 2 * TRAVERSE_STRING) }],
  ...['find', 'findAll'].map(each(SEARCH_PATTERN)),
  ['containsIP', { before: (args) => containsCost(args) }],
  ['containsCIDR', { before: (args) => containsCost(args) + Math.ceil(sizeOf(args[0]!) * TRAVERSE_STRING) + 1 }],
  ['validate', { before: validateCost }],
  ...[...LIST_READERS].map(each(TRAVERSE)),
  ...[...TEXT_PARSERS].map(each(READ_TEXT)),
  ...[...ACCESSORS].map(each(ONE)),
]);

function each(cost: CallCost): (name: string) => [string, CallCost] {
  return (name) => [name, cost];
}

function selectorCost(length: number): number {
  const requirements = Math.ceil(length * REQUIREMENTS_PER_CHARACTER);
  return CREATE_LIST + Math.ceil(length * TRAVERSE_STRING) + requirements * REQUIREMENT;
}

/** Comparing two addresses; a text is parsed first. */
function containsCost([cidr, other]: readonly Value[]): number {
  const cost = Math.ceil(2 * sizeOf(cidr!) * TRAVERSE_STRING);
  return typeof other === 'string' ? cost + Math.ceil(sizeOf(other) * TRAVERSE_STRING) : cost;
}

function validateCost([format, text]: readonly Value[]): number {
  const pattern = format instanceof FormatValue ? format.patternSize : 1;
  return Math.ceil((1 + sizeOf(text!)) * TRAVERSE_STRING) * Math.ceil(pattern * TRAVERSE_PATTERN);
}

const SMALLER: CallCost = {
  before: ([a, b]) => Math.ceil(Math.min(sizeOf(a!), sizeOf(b!)) * TRAVERSE_STRING),
};
const ADD_TEXT: CallCost = { before: ([a, b]) => Math.ceil((sizeOf(a!) + sizeOf(b!)) * TRAVERSE_STRING) };
const OUTPUT: CallCost = { after: (result) => allocation(sizeOf(result)) };
const COMPARE_ITEMS: CallCost = { before: ([list]) => compareItems(list!) };
const FLATTEN: CallCost = {
  before: ([list, depth]) => allocation(sizeOf(list!) * Math.max(0, depth === undefined ? 1 : Number(depth))),
};

function setsCost(factor: number): CallCost {
  return { before: ([a, b]) => 1 + sizeOf(a!) * sizeOf(b!) * factor };
}

/** A new list, after `work` units. */
function allocation(work: number): number {
  return Math.floor(work) + 1 + CREATE_LIST;
}

/** Sorting and the like are charged as if each element met each other. */
function compareItems(list: Value): number {
  const size = sizeOf(list);
  const first = list instanceof ListValue && size > 0 ? list.at(0) : undefined;
  const isText = typeof first === 'string' || first instanceof Uint8Array;
  return allocation(size * size * (isText ? 2 + TRAVERSE_STRING : 2));
}

const ORDERS = ['less', 'less_equals', 'greater', 'greater_equals'];

const byOverload = new Map<string, CallCost>([
  ...['starts_with_string', 'ends_with_string'].map(each(perCharacter(1))),
  ...['string_to_bytes', 'bytes_to_string', 'strings_quote', 'string_format'].map(each(READ_TEXT)),
  ['in_list', { before: (args) => sizeOf(args[1]!) }],
  ...ORDERS.flatMap((order) => [`${order}_string`, `${order}_bytes`]).map(each(SMALLER)),
  ...['equals', 'not_equals'].map(each(SMALLER)),
  ...['add_string', 'add_bytes'].map(each(ADD_TEXT)),
  ...['matches', 'matches_string'].map(each(SEARCH_PATTERN)),
  [
    'contains_string',
    {
      before: ([text, part]) => Math.ceil(sizeOf(text!) * TRAVERSE_STRING) * Math.ceil(sizeOf(part!) * TRAVERSE_STRING),
    },
  ],
]);

const ofLibraries = new Map<string, CallCost>([
  ['list_sets_contains_list', setsCost(1)],
  ['list_sets_intersects_list', setsCost(1)],
  ['list_sets_equivalent_list', setsCost(2)],
  ...['list_slice', 'lists_range', 'list_reverse'].map(each(OUTPUT)),
  ...['list_flatten', 'list_flatten_int'].map(each(FLATTEN)),
  ['list_distinct', COMPARE_ITEMS],
]);

/** The cost of a call; `overload` is undefined when only the values decide which overload runs. */
export function callCost(name: string, overload: string | undefined): CallCost {
  if (overload !== undefined) {
    if (overload === 'cidr_ip') return ONE;
    if (overload.endsWith('_sort')) return COMPARE_ITEMS;
    if (overload.endsWith('_sortByAssociatedKeys')) return { before: ([, keys]) => compareItems(keys!) };
    const library = ofLibraries.get(overload);
    if (library !== undefined) return library;
  }
  if (name === '_==_') return EQUALS;
  return byFunction.get(name) ?? (overload === undefined ? undefined : byOverload.get(overload)) ?? ONE;
}

/** Values of Kubernetes' libraries cost one unit to compare. */
const EQUALS: CallCost = {
  before: ([a, b]) => (a instanceof OpaqueValue ? 1 : Math.ceil(Math.min(sizeOf(a!), sizeOf(b!)) * TRAVERSE_STRING)),
};
