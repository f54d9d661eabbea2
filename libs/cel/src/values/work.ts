import { CelCostExceeded } from '../errors.js';

/**
 * A bound of what an evaluation does beside what the cost model sees: it charges a comparison of two lists by their
 * length, but lists of lists of one shared list can be exponentially large.
 */
const LIMIT = 10_000_000;

let left = LIMIT;
let depth = 0;

/** Counts one step of a walk through a value. Throws CelCostExceeded. */
export function step(): void {
  if (--left < 0) throw new CelCostExceeded();
}

/** Runs an evaluation; those that it starts itself share its bound. */
export function bounded<T>(evaluate: () => T): T {
  if (depth === 0) left = LIMIT;
  depth++;
  try {
    return evaluate();
  } finally {
    depth--;
  }
}
