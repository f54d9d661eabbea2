import type { Functions } from '../check/declarations.js';
import { Operator } from '../syntax/ast.js';
import { cel } from '../type.js';
import {
  ArrayList,
  Duration,
  fail,
  ListValue,
  MapValue,
  OpaqueValue,
  Optional,
  Timestamp,
  Uint,
  type Value,
} from '../values/value.js';

const K = cel.param('K');
const V = cel.param('V');
const OPTIONAL = cel.optional(V);
const LIST = cel.list(V);
const MAP = cel.map(K, V);

/** Optional types of cel-go: https://pkg.go.dev/github.com/google/cel-go/cel#OptionalTypes. */
export function declareOptional(functions: Functions): void {
  const { bool, dyn, int, string } = cel;
  functions.global('optional.of', 'optional_of', [V], OPTIONAL, (value) => Optional.of(value!));
  functions.global('optional.ofNonZeroValue', 'optional_ofNonZeroValue', [V], OPTIONAL, (value) =>
    isZero(value!) ? Optional.none : Optional.of(value!),
  );
  functions.global('optional.none', 'optional_none', [], OPTIONAL, () => Optional.none);
  functions.member('value', 'optional_value', [OPTIONAL], V, (optional) => present(optional as Optional));
  functions.member(
    'hasValue',
    'optional_hasValue',
    [OPTIONAL],
    bool,
    (optional) => (optional as Optional).value !== undefined,
  );
  // The planner evaluates these: they do not always need their argument.
  functions.member('or', 'optional_or_optional', [OPTIONAL, OPTIONAL], OPTIONAL);
  functions.member('orValue', 'optional_orValue_value', [OPTIONAL, V], V);
  functions.global(Operator.optSelect, 'select_optional_field', [dyn, string], OPTIONAL);
  functions.global(Operator.optIndex, 'list_optindex_optional_int', [LIST, int], OPTIONAL);
  functions.global(Operator.optIndex, 'optional_list_optindex_optional_int', [cel.optional(LIST), int], OPTIONAL);
  functions.global(Operator.optIndex, 'map_optindex_optional_value', [MAP, K], OPTIONAL);
  functions.global(Operator.optIndex, 'optional_map_optindex_optional_value', [cel.optional(MAP), K], OPTIONAL);
  functions.global(Operator.index, 'optional_list_index_int', [cel.optional(LIST), int], OPTIONAL);
  functions.global(Operator.index, 'optional_map_index_value', [cel.optional(MAP), K], OPTIONAL);
  functions.member('first', 'list_first', [LIST], OPTIONAL, (list) => itemAt(list as ListValue, 0));
  functions.member('last', 'list_last', [LIST], OPTIONAL, (list) =>
    itemAt(list as ListValue, (list as ListValue).size - 1),
  );
  const unwrap = (list: Value | undefined) => unwrapAll(list as ListValue);
  functions.global('optional.unwrap', 'optional_unwrap', [cel.list(OPTIONAL)], LIST, unwrap);
  functions.member('unwrapOpt', 'optional_unwrapOpt', [cel.list(OPTIONAL)], LIST, unwrap);
}

function present(optional: Optional): Value {
  return optional.value === undefined ? fail('optional.none() dereference') : optional.value;
}

function itemAt(list: ListValue, index: number): Optional {
  return list.size === 0 ? Optional.none : Optional.of(list.at(index));
}

function unwrapAll(list: ListValue): ListValue {
  const items: Value[] = [];
  for (const item of list) {
    if (!(item instanceof Optional)) return fail('value is not optional');
    if (item.value !== undefined) items.push(item.value);
  }
  return new ArrayList(items);
}

const ZERO_TIME = -62_135_596_800_000_000_000n;

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return true;
  if (value instanceof ListValue || value instanceof MapValue) return value.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return value.nanos === ZERO_TIME;
  if (value instanceof Optional) return value.value === undefined;
  return value instanceof OpaqueValue && value.isZero();
}
