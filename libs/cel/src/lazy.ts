import { CelCostExceeded, CelRuntimeError } from './errors.js';
import type { CelType } from './type.js';
import { LazyObject } from './values/json.js';
import { EvaluationError, type Value } from './values/value.js';

/**
 * A variable whose fields are computed when an expression first reads them. `compute` gives what `evaluateRaw` gave; a
 * CelRuntimeError that it throws is an error of the expression, which `&&` and `||` may absorb.
 */
export function lazyCelObject(type: CelType, compute: (name: string) => unknown): unknown {
  return new LazyObject(type, [...type.fields!.keys()], (name) => {
    try {
      return compute(name) as Value;
    } catch (error) {
      if (error instanceof CelRuntimeError && !(error instanceof CelCostExceeded))
        throw new EvaluationError(error.message);
      throw error;
    }
  });
}
