import type { Implementation } from '../check/declarations.js';
import { findAll, findFirst, matchesPattern, patternOf } from '../library/patterns.js';
import { type Value } from '../values/value.js';

/** Where a function takes its pattern; undefined for functions without one. */
export function patternArgument(name: string): number | undefined {
  return name === 'matches' || name === 'find' || name === 'findAll' ? 1 : undefined;
}

/** The function with its literal pattern compiled. Fails when it is no pattern. */
export function bindPattern(name: string, pattern: string): Implementation {
  const compiled = patternOf(pattern);
  switch (name) {
    case 'matches':
      return (text) => matchesPattern(compiled, text as Value);
    case 'find':
      return (text) => findFirst(compiled, text as Value);
    default:
      return (text, _pattern, limit) => findAll(compiled, text as Value, limit);
  }
}
