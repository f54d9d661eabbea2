import type { CelType } from '../type.js';
import type { Value } from '../values/value.js';

/** The tree of an expression. Macros are already expanded; the checker writes types and overloads into the nodes. */

interface Node {
  /** Where the reader sees it: the offset, in UTF-16 units, that errors point to. */
  readonly at: number;
  /** How many nodes deep this tree is, as far as depth costs stack. */
  readonly depth: number;
  /** What the checker found. */
  type?: CelType;
}

export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: Value;
}

export interface Ident extends Node {
  readonly kind: 'ident';
  readonly name: string;
  /** The variable of the environment, or the type that the name stands for. */
  reference?: { readonly variable: string } | { readonly constant: Value };
}

export interface Select extends Node {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** `has(a.b)` */
  readonly testOnly: boolean;
  /** What a qualified name such as `google.protobuf.Timestamp` stands for; the operand then means nothing. */
  reference?: Ident['reference'];
}

export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly target?: Expr;
  readonly args: readonly Expr[];
  /** The overloads that the types of the arguments allow; the first decides the type. */
  overloads?: readonly string[];
  /** The target was the first part of the function's name: `sets.contains`. */
  qualifiedName?: string;
}

export interface ListLiteral extends Node {
  readonly kind: 'list';
  readonly elements: readonly Expr[];
  /** Positions of `?element`. */
  readonly optionals: ReadonlySet<number>;
}

export interface MapEntry {
  readonly at: number;
  readonly key: Expr;
  readonly value: Expr;
  readonly optional: boolean;
}

export interface MapLiteral extends Node {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
}

export interface StructField {
  readonly at: number;
  readonly name: string;
  readonly value: Expr;
  readonly optional: boolean;
}

export interface StructLiteral extends Node {
  readonly kind: 'struct';
  readonly typeName: string;
  readonly fields: readonly StructField[];
}

/** `for iterVar[, iterVar2] in range: while condition: accu = step; result`, with `accu = init` before it. */
export interface Comprehension extends Node {
  readonly kind: 'comprehension';
  readonly range: Expr;
  readonly iterVar: string;
  readonly iterVar2?: string;
  readonly accuVar: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

export type Expr = Literal | Ident | Select | Call | ListLiteral | MapLiteral | StructLiteral | Comprehension;

/** The accumulator of the macros; no expression can write this name. */
export const ACCUMULATOR = '@result';

export const Operator = {
  conditional: '_?_:_',
  and: '_&&_',
  or: '_||_',
  not: '!_',
  negate: '-_',
  equals: '_==_',
  notEquals: '_!=_',
  less: '_<_',
  lessEquals: '_<=_',
  greater: '_>_',
  greaterEquals: '_>=_',
  add: '_+_',
  subtract: '_-_',
  multiply: '_*_',
  divide: '_/_',
  modulo: '_%_',
  index: '_[_]',
  optIndex: '_[?_]',
  optSelect: '_?._',
  in: '@in',
  notStrictlyFalse: '@not_strictly_false',
} as const;

/** Nodes below one node, in the order of evaluation. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'ident':
      return [];
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target ? [expr.target, ...expr.args] : expr.args;
    case 'list':
      return expr.elements;
    case 'map':
      return expr.entries.flatMap((entry) => [entry.key, entry.value]);
    case 'struct':
      return expr.fields.map((field) => field.value);
    case 'comprehension':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
  }
}

/** Calls `visit` for a node and for all below it, parents first. `parents` ends with the nearest one. */
export function walk(expr: Expr, visit: (expr: Expr, parents: readonly Expr[]) => void, parents: Expr[] = []): void {
  visit(expr, parents);
  parents.push(expr);
  for (const child of childrenOf(expr)) walk(child, visit, parents);
  parents.pop();
}
