import type { CelAuthorizer } from './authorizer.js';
import type { CelType, SizeBound } from './type.js';

export interface CelVariable {
  readonly type: CelType;
  /** Bounds for the estimate; the type has them for what it contains. */
  readonly size?: SizeBound;
}

export interface CelEnvironment {
  readonly variables: Readonly<Record<string, CelVariable>>;
  /**
   * The version of Kubernetes whose functions the expression may use; `1.36` without it, since the reference admits in
   * new objects what its previous version understands too. Give `stored` for what the store has already accepted.
   */
  readonly version?: string;
  /** Declares the variable `authorizer`, and the functions of its type. */
  readonly authorizer?: boolean;
  /** Declares `jsonpatch.escapeKey`. */
  readonly jsonPatch?: boolean;
  /** Declares the macro `cel.bind`. */
  readonly bindings?: boolean;
  /** Types of objects that the expression may make: `Object.spec{replicas: 1}`. */
  readonly resolveType?: (name: string) => CelType | undefined;
}

export interface CelCost {
  readonly min: bigint;
  readonly max: bigint;
}

export interface CelEvaluation {
  /** Units of the reference's cost model; the evaluation stops as soon as it has used more. */
  readonly costLimit: number;
  /** Looked at before the evaluation, which does not wait and is bounded by its cost. */
  readonly signal?: AbortSignal;
  readonly authorizer?: CelAuthorizer;
}

export interface CelProgram {
  readonly source: string;
  readonly type: CelType;
  /** Names of the variables that the expression uses: `oldSelf` makes a transition rule. */
  readonly uses: ReadonlySet<string>;
  /** Whether it reads this field of a variable: `claims.email`, `claims.?email` or `has(claims.email)`. */
  reads(variable: string, field: string): boolean;
  /** Least and most cost that the sizes of the environment allow, in units of the reference's estimator. */
  estimatedCost(): CelCost;
  /**
   * Plain JSON values in, plain value out: integers that a number cannot hold are bigints, bytes are base64, times and
   * durations are text. Throws CelRuntimeError; CelCostExceeded past the limit.
   */
  evaluate(variables: Readonly<Record<string, unknown>>, options: CelEvaluation): { value: unknown; cost: number };
  /** The same, with a value that only another evaluation can use: a variable keeps its type. */
  evaluateRaw(variables: Readonly<Record<string, unknown>>, options: CelEvaluation): { value: unknown; cost: number };
}
