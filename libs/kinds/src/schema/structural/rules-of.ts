import type { SchemaRules } from './schema-rules.js';
import type { Structural } from './structural.js';

/** The rules of a schema; undefined when it has none. */
export function rulesOf(_root: Structural): SchemaRules | undefined {
  return undefined;
}
