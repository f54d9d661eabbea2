import type { Functions } from '../check/declarations.js';
import { type CelType, cel } from '../type.js';
import { compare, equal } from '../values/compare.js';
import { int, uint } from '../values/numbers.js';
import { duration } from '../values/times.js';
import { Duration, fail, ListValue, noSuchOverload, Uint, type Value } from '../values/value.js';
import { findAll, findFirst, patternOf } from './patterns.js';

const A = cel.param('A');
const COMPARABLE: readonly [string, CelType][] = [
  ['int', cel.int],
  ['uint', cel.uint],
  ['double', cel.double],
  ['bool', cel.bool],
  ['duration', cel.duration],
  ['timestamp', cel.timestamp],
  ['string', cel.string],
  ['bytes', cel.bytes],
];
const SUMMABLE: readonly [string, CelType, Value][] = [
  ['int', cel.int, 0n],
  ['uint', cel.uint, new Uint(0n)],
  ['double', cel.double, 0],
  ['duration', cel.duration, new Duration(0n)],
];

/** Lists and patterns of Kubernetes: k8s.io/apiserver/pkg/cel/library, lists.go and regex.go. */
export function declareKubernetesLists(functions: Functions): void {
  for (const [name, type] of COMPARABLE) {
    const list = cel.list(type);
    functions.member('isSorted', `list_${name}_is_sorted_bool`, [list], cel.bool, (items) =>
      isSorted(items as ListValue),
    );
    functions.member('max', `list_${name}_max_${name}`, [list], type, (items) => extreme(items as ListValue, 'max'));
    functions.member('min', `list_${name}_min_${name}`, [list], type, (items) => extreme(items as ListValue, 'min'));
  }
  for (const [name, type, zero] of SUMMABLE) {
    functions.member('sum', `list_${name}_sum_${name}`, [cel.list(type)], type, (items) =>
      sum(items as ListValue, zero),
    );
  }
  const list = cel.list(A);
  functions.member('indexOf', 'list_a_index_of_int', [list, A], cel.int, (items, item) =>
    indexOf(items as ListValue, item!),
  );
  functions.member('lastIndexOf', 'list_a_last_index_of_int', [list, A], cel.int, (items, item) =>
    lastIndexOf(items as ListValue, item!),
  );
}

/** Since 1.37. */
export function declareIncludes(functions: Functions): void {
  functions.member('includes', 'list_includes_dyn_dyn', [cel.dyn, cel.dyn], cel.bool, (target, item) =>
    target instanceof ListValue ? indexOf(target, item!) >= 0n : equal(target!, item!),
  );
}

export function declarePatterns(functions: Functions): void {
  const { string, int } = cel;
  functions.member('find', 'string_find_string', [string, string], string, (text, pattern) =>
    findFirst(patternOf(pattern as string), text!),
  );
  const all = (text?: Value, pattern?: Value, limit?: Value) => findAll(patternOf(pattern as string), text!, limit);
  functions.member('findAll', 'string_find_all_string', [string, string], cel.list(string), all);
  functions.member('findAll', 'string_find_all_string_int', [string, string, int], cel.list(string), all);
}

function isSorted(list: ListValue): boolean {
  for (let index = 1; index < list.size; index++) if (compare(list.at(index - 1), list.at(index)) > 0) return false;
  return true;
}

function extreme(list: ListValue, which: 'min' | 'max'): Value {
  if (list.size === 0) return fail(`${which} called on empty list`);
  const worse = which === 'max' ? -1 : 1;
  let best = list.at(0);
  for (const item of list) if (compare(best, item) === worse) best = item;
  return best;
}

function sum(list: ListValue, zero: Value): Value {
  let total = zero;
  for (const item of list) total = add(total, item);
  return total;
}

function add(a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return int(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof Uint && b instanceof Uint) return uint(a.value + b.value);
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos + b.nanos);
  return noSuchOverload();
}

function indexOf(list: ListValue, item: Value): bigint {
  for (let index = 0; index < list.size; index++) if (equal(list.at(index), item)) return BigInt(index);
  return -1n;
}

function lastIndexOf(list: ListValue, item: Value): bigint {
  for (let index = list.size - 1; index >= 0; index--) if (equal(list.at(index), item)) return BigInt(index);
  return -1n;
}
