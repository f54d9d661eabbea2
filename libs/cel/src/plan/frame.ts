import type { CelAuthorizer } from '../authorizer.js';
import { CelCostExceeded } from '../errors.js';
import { EvaluationError, type Value } from '../values/value.js';

/** The state of one evaluation. */
export class Frame {
  cost = 0;
  /** Values of the variables that were read already, by the slots that the planner gave them. */
  readonly variables: (Value | undefined)[];
  /** Variables of comprehensions. An accumulator can hold an error: `all` and `exists` may still absorb it. */
  readonly locals: (Value | EvaluationError)[];

  constructor(
    readonly input: Readonly<Record<string, unknown>>,
    private readonly limit: number,
    slots: { readonly variables: number; readonly locals: number },
    readonly authorizer: CelAuthorizer | undefined,
  ) {
    this.variables = new Array(slots.variables).fill(undefined);
    this.locals = new Array(slots.locals).fill(null);
  }

  charge(units: number): void {
    this.cost += units;
    if (this.cost > this.limit) throw new CelCostExceeded();
  }
}

export type Evaluate = (frame: Frame) => Value;

/** How a node is evaluated. */
export interface Plan {
  /** With the cost of reading it. */
  readonly run: Evaluate;
  /** Known without an evaluation. */
  readonly constant?: Value;
  /**
   * Of variables, fields, elements and conditions: without the unit that reading the whole costs. A path of fields
   * pays that unit once, whatever its length; a branch of a condition and an index do not pay it.
   */
  readonly resolve?: Evaluate;
  /** Whether `run` pays the unit that `resolve` does not. */
  readonly paysRead?: boolean;
}

/** The error, if that is what was thrown; anything else goes on. */
export function evalError(thrown: unknown): EvaluationError {
  if (thrown instanceof EvaluationError) return thrown;
  throw thrown;
}
