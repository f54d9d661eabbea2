import { ACCUMULATOR, type Expr, Operator } from './ast.js';
import { build, copyOf } from './build.js';

/** Why a macro refuses its arguments, and where. */
export class MacroError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/** Undefined for a call that only looks like the macro. */
type Expand = (at: number, target: Expr, args: readonly Expr[]) => Expr | undefined;
export type MacroTable = ReadonlyMap<string, Expand>;

/** The key of a macro that has a target. */
export function macroKey(name: string, argumentCount: number): string {
  return `${name}/${argumentCount}`;
}

function nameOf(expr: Expr, message: string): string {
  if (expr.kind !== 'ident') throw new MacroError(message, expr.at);
  if (expr.name === ACCUMULATOR || expr.name === '__result__') {
    throw new MacroError('iteration variable overwrites accumulator variable', expr.at);
  }
  return expr.name;
}

/** The iteration variables: the arguments before the last `used`. */
function variables(args: readonly Expr[], used: number, message: string): { iterVar: string; iterVar2?: string } {
  const iterVar = nameOf(args[0]!, message);
  if (args.length - used === 1) return { iterVar };
  const iterVar2 = nameOf(args[1]!, message);
  if (iterVar === iterVar2) throw new MacroError(`duplicate variable name: ${iterVar}`, args[1]!.at);
  return { iterVar, iterVar2 };
}

const SIMPLE_NAME = 'argument must be a simple name';

const all: Expand = (at, range, args) =>
  build.comprehension(at, {
    range,
    ...variables(args, 1, SIMPLE_NAME),
    accuVar: ACCUMULATOR,
    init: build.literal(at, true),
    condition: build.call(at, Operator.notStrictlyFalse, [build.accumulator(at)]),
    step: build.call(at, Operator.and, [build.accumulator(at), args.at(-1)!]),
    result: build.accumulator(at),
  });

const exists: Expand = (at, range, args) =>
  build.comprehension(at, {
    range,
    ...variables(args, 1, SIMPLE_NAME),
    accuVar: ACCUMULATOR,
    init: build.literal(at, false),
    condition: build.call(at, Operator.notStrictlyFalse, [build.call(at, Operator.not, [build.accumulator(at)])]),
    step: build.call(at, Operator.or, [build.accumulator(at), args.at(-1)!]),
    result: build.accumulator(at),
  });

const existsOne: Expand = (at, range, args) =>
  build.comprehension(at, {
    range,
    ...variables(args, 1, SIMPLE_NAME),
    accuVar: ACCUMULATOR,
    init: build.literal(at, 0n),
    condition: build.literal(at, true),
    step: build.call(at, Operator.conditional, [
      args.at(-1)!,
      build.call(at, Operator.add, [build.accumulator(at), build.literal(at, 1n)]),
      build.accumulator(at),
    ]),
    result: build.call(at, Operator.equals, [build.accumulator(at), build.literal(at, 1n)]),
  });

/** A comprehension that adds to its accumulator for each element, or for each that passes the filter. */
function collect(at: number, range: Expr, names: ReturnType<typeof variables>, init: Expr, add: Expr, filter?: Expr) {
  const step = filter ? build.call(at, Operator.conditional, [filter, add, build.accumulator(at)]) : add;
  const condition = build.literal(at, true);
  const result = build.accumulator(at);
  return build.comprehension(at, { range, ...names, accuVar: ACCUMULATOR, init, condition, step, result });
}

function append(at: number, item: Expr): Expr {
  return build.call(at, Operator.add, [build.accumulator(at), build.list(at, [item])]);
}

const map = (at: number, range: Expr, args: readonly Expr[]): Expr => {
  const names = { iterVar: nameOf(args[0]!, 'argument is not an identifier') };
  const filter = args.length === 3 ? args[1] : undefined;
  return collect(at, range, names, build.list(at, []), append(at, args.at(-1)!), filter);
};

const filter: Expand = (at, range, args) => {
  const names = { iterVar: nameOf(args[0]!, 'argument is not an identifier') };
  return collect(at, range, names, build.list(at, []), append(at, args[0]!), args[1]);
};

function isFiltered(args: readonly Expr[]): boolean {
  return args.length === 4;
}

const transformList: Expand = (at, range, args) => {
  const names = variables(args, args.length - 2, SIMPLE_NAME);
  return collect(
    at,
    range,
    names,
    build.list(at, []),
    append(at, args.at(-1)!),
    isFiltered(args) ? args[2] : undefined,
  );
};

/** The function behind transformMap: an expression cannot write its name. */
export const MAP_INSERT = 'cel.@mapInsert';

const transformMap: Expand = (at, range, args) => {
  const names = variables(args, args.length - 2, SIMPLE_NAME);
  const insert = build.call(at, MAP_INSERT, [build.accumulator(at), build.ident(at, names.iterVar), args.at(-1)!]);
  return collect(at, range, names, build.map(at, []), insert, isFiltered(args) ? args[2] : undefined);
};

const transformMapEntry: Expand = (at, range, args) => {
  const names = variables(args, args.length - 2, SIMPLE_NAME);
  const insert = build.call(at, MAP_INSERT, [build.accumulator(at), args.at(-1)!]);
  return collect(at, range, names, build.map(at, []), insert, isFiltered(args) ? args[2] : undefined);
};

/** `name = value; result`, written as a comprehension over nothing. */
function bind(at: number, name: string, value: Expr, result: Expr): Expr {
  return build.comprehension(at, {
    range: build.list(at, []),
    iterVar: '#unused',
    accuVar: name,
    init: value,
    condition: build.literal(at, false),
    step: build.ident(at, name),
    result,
  });
}

/** `cel.bind(name, value, result)`; any other target has a function of that name. */
const celBind: Expand = (at, target, args) => {
  if (target.kind !== 'ident' || target.name !== 'cel') return undefined;
  const [name, value, result] = args as [Expr, Expr, Expr];
  if (name.kind === 'ident') return bind(at, name.name, value, result);
  throw new MacroError('cel.bind() variable names must be simple identifiers', name.at);
};

/** `target.hasValue() ? some(value) : none`, where the last argument is computed from the target's value. */
function whenPresent(macro: string, wrap: (at: number, mapped: Expr) => Expr): Expand {
  return (at, target, args) => {
    const variable = args[0]!;
    if (variable.kind !== 'ident') {
      throw new MacroError(`${macro}() variable name must be a simple identifier`, variable.at);
    }
    const value = build.call(at, 'value', [], copyOf(target));
    return build.call(at, Operator.conditional, [
      build.call(at, 'hasValue', [], target),
      wrap(at, bind(at, variable.name, value, args[1]!)),
      build.call(at, 'optional.none', []),
    ]);
  };
}

export const SORT_BY = '@sortByAssociatedKeys';
const SORT_INPUT = '@__sortBy_input__';

const sortBy: Expand = (at, target, args) => {
  if (target.kind === 'literal' || target.kind === 'map' || target.kind === 'struct') {
    const message = 'sortBy can only be applied to a list, identifier, comprehension, call or select expression';
    throw new MacroError(message, target.at);
  }
  const keys = map(at, build.ident(at, SORT_INPUT), args);
  return bind(at, SORT_INPUT, target, build.call(at, SORT_BY, [keys], build.ident(at, SORT_INPUT)));
};

const receiver = (name: string, count: number, expand: Expand): [string, Expand] => [macroKey(name, count), expand];

/** Macros of the language itself. `has` is the parser's, since it has no target. */
export const standardMacros: readonly [string, Expand][] = [
  receiver('all', 2, all),
  receiver('exists', 2, exists),
  receiver('exists_one', 2, existsOne),
  receiver('map', 2, map),
  receiver('map', 3, map),
  receiver('filter', 2, filter),
];

export const twoVariableMacros: readonly [string, Expand][] = [
  receiver('all', 3, all),
  receiver('exists', 3, exists),
  receiver('exists_one', 3, existsOne),
  receiver('existsOne', 3, existsOne),
  receiver('transformList', 3, transformList),
  receiver('transformList', 4, transformList),
  receiver('transformMap', 3, transformMap),
  receiver('transformMap', 4, transformMap),
  receiver('transformMapEntry', 3, transformMapEntry),
  receiver('transformMapEntry', 4, transformMapEntry),
];

export const optionalMacros: readonly [string, Expand][] = [
  receiver(
    'optMap',
    2,
    whenPresent('optMap', (at, mapped) => build.call(at, 'optional.of', [mapped])),
  ),
  receiver(
    'optFlatMap',
    2,
    whenPresent('optFlatMap', (_at, mapped) => mapped),
  ),
];

export const listMacros: readonly [string, Expand][] = [receiver('sortBy', 2, sortBy)];

export const bindingMacros: readonly [string, Expand][] = [receiver('bind', 3, celBind)];
