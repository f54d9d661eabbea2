import type { Implementation } from '../check/declarations.js';
import { findAll, findFirst, matchesPattern, type Pattern, patternOf } from '../library/patterns.js';
import { noSuchOverload, type Value } from '../values/value.js';

/** Where a function takes its pattern; undefined for functions without one. */
export function patternArgument(name: string): number | undefined {
  return name === 'matches' || name === 'find' || name === 'findAll' ? 1 : undefined;
}

type Search = (pattern: Pattern, text: Value, limit: Value | undefined) => Value;

/** The function with its literal pattern compiled. Fails when it is no pattern. */
export function bindPattern(name: string, pattern: string): Implementation {
  const compiled = patternOf(pattern);
  const search: Search = name === 'matches' ? matchesPattern : name === 'find' ? findFirst : findAll;
  return (text, _pattern, limit) => {
    // Arguments can be dyn: their types are known only now.
    if (typeof text !== 'string' || (limit !== undefined && typeof limit !== 'bigint')) return noSuchOverload();
    return search(compiled, text, limit);
  };
}
