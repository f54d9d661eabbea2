import type { CelEnvironment, CelProgram } from './program.js';
import type { CelType } from './type.js';

/**
 * Parses, checks and plans an expression. `expected` is the type that its result must have.
 * Throws CelCompileError.
 */
export function compileCel(
  _source: string,
  _environment: CelEnvironment,
  _expected?: CelType | readonly CelType[],
): CelProgram {
  throw new Error('not implemented');
}
