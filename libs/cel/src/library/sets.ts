import type { Functions } from '../check/declarations.js';
import { cel } from '../type.js';
import type { ListValue } from '../values/value.js';
import { contains } from './standard.js';

const LIST = cel.list(cel.param('T'));

/** Sets of cel-go: https://pkg.go.dev/github.com/google/cel-go/ext#Sets. */
export function declareSets(functions: Functions): void {
  const declare = (name: string, holds: (a: ListValue, b: ListValue) => boolean) => {
    functions.global(`sets.${name}`, `list_sets_${name}_list`, [LIST, LIST], cel.bool, (a, b) =>
      holds(a as ListValue, b as ListValue),
    );
  };
  declare('contains', containsAll);
  declare('equivalent', (a, b) => containsAll(a, b) && containsAll(b, a));
  declare('intersects', intersects);
}

function containsAll(list: ListValue, wanted: ListValue): boolean {
  for (const item of wanted) if (!contains(list, item)) return false;
  return true;
}

function intersects(a: ListValue, b: ListValue): boolean {
  for (const item of a) if (contains(b, item)) return true;
  return false;
}
