import type { Value } from '../values/value.js';
import {
  ACCUMULATOR,
  type Call,
  type Comprehension,
  type Expr,
  type Ident,
  type ListLiteral,
  type Literal,
  type MapEntry,
  type MapLiteral,
  type Select,
  type StructField,
  type StructLiteral,
} from './ast.js';

/** Makes nodes. Each knows its depth, which the parser bounds: all later passes are recursive. */

function below(exprs: readonly Expr[]): number {
  let depth = 0;
  for (const expr of exprs) depth = Math.max(depth, expr.depth);
  return depth;
}

export const build = {
  literal: (at: number, value: Value): Literal => ({ kind: 'literal', at, depth: 1, value }),

  ident: (at: number, name: string): Ident => ({ kind: 'ident', at, depth: 1, name }),

  accumulator: (at: number): Ident => build.ident(at, ACCUMULATOR),

  select: (at: number, operand: Expr, field: string, testOnly = false): Select => {
    return { kind: 'select', at, depth: operand.depth + 1, operand, field, testOnly };
  },

  call: (at: number, name: string, args: readonly Expr[], target?: Expr): Call => {
    return { kind: 'call', at, depth: below(target ? [target, ...args] : args) + 1, name, target, args };
  },

  list: (at: number, elements: readonly Expr[], optionals: ReadonlySet<number> = new Set()): ListLiteral => {
    return { kind: 'list', at, depth: below(elements) + 1, elements, optionals };
  },

  map: (at: number, entries: readonly MapEntry[]): MapLiteral => {
    return { kind: 'map', at, depth: below(entries.flatMap(({ key, value }) => [key, value])) + 1, entries };
  },

  struct: (at: number, typeName: string, fields: readonly StructField[]): StructLiteral => {
    return { kind: 'struct', at, depth: below(fields.map(({ value }) => value)) + 1, typeName, fields };
  },

  comprehension: (at: number, parts: Omit<Comprehension, 'kind' | 'at' | 'depth' | 'type'>): Comprehension => {
    const { range, init, condition, step, result } = parts;
    return { kind: 'comprehension', at, depth: below([range, init, condition, step, result]) + 1, ...parts };
  },
};

/** A copy of a tree, for macros that use an argument twice: the checker writes into nodes. */
export function copyOf(expr: Expr): Expr {
  switch (expr.kind) {
    case 'literal':
    case 'ident':
      return { ...expr };
    case 'select':
      return { ...expr, operand: copyOf(expr.operand) };
    case 'call':
      return { ...expr, target: expr.target && copyOf(expr.target), args: expr.args.map(copyOf) };
    case 'list':
      return { ...expr, elements: expr.elements.map(copyOf) };
    case 'map':
      return {
        ...expr,
        entries: expr.entries.map((entry) => ({ ...entry, key: copyOf(entry.key), value: copyOf(entry.value) })),
      };
    case 'struct':
      return { ...expr, fields: expr.fields.map((field) => ({ ...field, value: copyOf(field.value) })) };
    case 'comprehension':
      return {
        ...expr,
        range: copyOf(expr.range),
        init: copyOf(expr.init),
        condition: copyOf(expr.condition),
        step: copyOf(expr.step),
        result: copyOf(expr.result),
      };
  }
}
