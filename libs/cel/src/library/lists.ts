import type { Functions } from '../check/declarations.js';
import { SORT_BY } from '../syntax/macros.js';
import { type CelType, cel } from '../type.js';
import { compare, equal } from '../values/compare.js';
import { keyOf } from '../values/maps.js';
import { typeOf } from '../values/type-of.js';
import { ArrayList, fail, ListValue, type Value } from '../values/value.js';
import { step } from '../values/work.js';

const T = cel.param('T');
const LIST = cel.list(T);
const MAX_RANGE = 1_000_000n;

/** Types whose lists can be sorted, in cel-go's order. */
const COMPARABLE: readonly CelType[] = [
  cel.int,
  cel.uint,
  cel.double,
  cel.bool,
  cel.duration,
  cel.timestamp,
  cel.string,
  cel.bytes,
];

/** Lists of cel-go, version 3: https://pkg.go.dev/github.com/google/cel-go/ext#Lists. */
export function declareListLibrary(functions: Functions): void {
  const { int, dyn } = cel;
  const list = (value: Value | undefined) => value as ListValue;
  functions.member('slice', 'list_slice', [LIST, int, int], LIST, (items, start, end) =>
    slice(list(items), start as bigint, end as bigint),
  );
  functions.member('flatten', 'list_flatten', [cel.list(LIST)], LIST, (items) => flatten(list(items), 1n));
  functions.member('flatten', 'list_flatten_int', [cel.list(dyn), int], cel.list(dyn), (items, depth) =>
    flatten(list(items), depth as bigint),
  );
  for (const type of COMPARABLE) {
    const of = cel.list(type);
    functions.member('sort', `list_${type.name}_sort`, [of], of, (items) => sortBy(list(items), list(items)));
    functions.member(SORT_BY, `list_${type.name}_sortByAssociatedKeys`, [LIST, of], LIST, (items, keys) =>
      sortBy(list(items), list(keys)),
    );
  }
  functions.global('lists.range', 'lists_range', [int], cel.list(int), (size) => range(size as bigint));
  functions.member('reverse', 'list_reverse', [LIST], LIST, (items) => new ArrayList([...list(items)].reverse()));
  functions.member('distinct', 'list_distinct', [LIST], LIST, (items) => distinct(list(items)));
}

function slice(list: ListValue, start: bigint, end: bigint): ListValue {
  const refuse = (why: string) => fail(`cannot slice(${start}, ${end}), ${why}`);
  if (start < 0n || end < 0n) return refuse('negative indexes not supported');
  if (start > end) return refuse('start index must be less than or equal to end index');
  if (BigInt(list.size) < end) return refuse(`list is length ${list.size}`);
  const items: Value[] = [];
  for (let index = Number(start); index < Number(end); index++) items.push(list.at(index));
  return new ArrayList(items);
}

function flatten(list: ListValue, depth: bigint): ListValue {
  if (depth < 0n) fail('level must be non-negative');
  const flat: Value[] = [];
  const add = (item: Value, left: bigint): void => {
    step();
    if (!(item instanceof ListValue) || left === 0n) flat.push(item);
    else for (const inner of item) add(inner, left - 1n);
  };
  for (const item of list) add(item, depth);
  return new ArrayList(flat);
}

function sortBy(list: ListValue, keys: ListValue): ListValue {
  if (list.size !== keys.size) {
    const sizes = `got ${list.size} and ${keys.size} elements respectively`;
    fail(`@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but ${sizes}`);
  }
  if (list.size === 0) return list;
  const pairs = Array.from(keys, (key, index) => ({ key, item: list.at(index) }));
  const { name } = typeOf(pairs[0]!.key);
  if (!COMPARABLE.some((type) => type.name === name)) fail('list elements must be comparable');
  if (pairs.some(({ key }) => typeOf(key).name !== name)) fail('list elements must have the same type');
  pairs.sort((a, b) => compare(a.key, b.key));
  return new ArrayList(pairs.map(({ item }) => item));
}

/** Whole numbers from 0. The list takes no memory, since its cost is charged after it is made. */
class RangeList extends ListValue {
  constructor(readonly size: number) {
    super();
  }

  at(index: number): Value {
    return BigInt(index);
  }
}

function range(size: bigint): ListValue {
  if (size < 0n) return fail(`lists.range: size must be non-negative, got ${size}`);
  if (size > MAX_RANGE) return fail(`lists.range: size ${size} exceeds maximum allowed (${MAX_RANGE})`);
  return new RangeList(Number(size));
}

/** The first of equal elements. Only elements that have no key are compared one with another. */
function distinct(list: ListValue): ListValue {
  const keys = new Set<string>();
  const others: Value[] = [];
  const items: Value[] = [];
  for (const item of list) {
    const key = Number.isNaN(item) ? undefined : keyOf(item);
    if (key === undefined ? others.some((other) => equal(other, item)) : keys.has(key)) continue;
    if (key === undefined) others.push(item);
    else keys.add(key);
    items.push(item);
  }
  return new ArrayList(items);
}
