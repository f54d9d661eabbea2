import type { Dialect, Implementation, Overload } from '../check/declarations.js';
import { type CallCost, callCost } from '../cost/call-cost.js';
import { CREATE_LIST, CREATE_MAP, CREATE_STRUCT, SELECT } from '../cost/factors.js';
import { CelCompileError } from '../errors.js';
import { authorizerVariable } from '../library/authorizer.js';
import { AUTHORIZER_VARIABLES } from '../library/authorizer-types.js';
import type { CelEnvironment } from '../program.js';
import {
  type Call,
  type Comprehension,
  type Expr,
  type Ident,
  type ListLiteral,
  type MapLiteral,
  Operator,
  type Select,
  type StructLiteral,
} from '../syntax/ast.js';
import { type CelType, cel } from '../type.js';
import { valueOfJson } from '../values/json.js';
import { EntryMap, keyOf, StructValue } from '../values/maps.js';
import { hasKind } from '../values/type-of.js';
import { ArrayList, EvaluationError, fail, ListValue, noSuchOverload, Optional, type Value } from '../values/value.js';
import { access, isPresent } from './access.js';
import { planFold } from './fold.js';
import { type Evaluate, evalError, type Frame, type Plan } from './frame.js';
import { bindPattern, patternArgument } from './patterns.js';

/** Functions that cel-go evaluates while it plans, when their argument is a literal. */
const CONVERSIONS: ReadonlySet<string> = new Set(
  'bool bytes double dyn duration int string timestamp type uint'.split(' '),
);

export interface Planned {
  readonly run: Evaluate;
  readonly slots: { readonly variables: number; readonly locals: number };
  /** Names of the variables that the expression reads. */
  readonly uses: ReadonlySet<string>;
}

/** Makes closures of a checked tree. Throws CelCompileError for a literal that is no value. */
export function plan(expr: Expr, environment: CelEnvironment, dialect: Dialect): Planned {
  const planner = new Planner(environment, dialect);
  try {
    const { run } = planner.plan(expr);
    return { run, slots: planner.slots(), uses: planner.uses() };
  } catch (error) {
    if (error instanceof EvaluationError) throw new CelCompileError(`program instantiation failed: ${error.message}`);
    throw error;
  }
}

export class Planner {
  private readonly variables = new Map<string, number>();
  /** Slots of the variables in scope, the innermost last. */
  private readonly scope: { readonly name: string; readonly slot: number }[] = [];
  private locals = 0;

  constructor(
    private readonly environment: CelEnvironment,
    private readonly dialect: Dialect,
  ) {}

  slots(): { variables: number; locals: number } {
    return { variables: this.variables.size, locals: this.locals };
  }

  uses(): ReadonlySet<string> {
    return new Set(this.variables.keys());
  }

  plan(expr: Expr): Plan {
    switch (expr.kind) {
      case 'literal':
        return constant(expr.value);
      case 'ident':
        return this.ident(expr);
      case 'select':
        return this.select(expr);
      case 'call':
        return this.call(expr);
      case 'list':
        return this.list(expr);
      case 'map':
        return this.map(expr);
      case 'struct':
        return this.struct(expr);
      case 'comprehension':
        return this.comprehension(expr);
    }
  }

  private ident(expr: Ident): Plan {
    const local = this.scope.findLast(({ name }) => name === expr.name);
    if (local !== undefined && !expr.reference) return readLocal(local.slot);
    return this.reference(expr.reference!);
  }

  private reference(reference: NonNullable<Ident['reference']>): Plan {
    if ('constant' in reference) return constant(reference.constant);
    return this.readVariable(reference.variable);
  }

  /** Reads JSON once per evaluation. */
  private readVariable(name: string): Plan {
    if (!this.variables.has(name)) this.variables.set(name, this.variables.size);
    const slot = this.variables.get(name)!;
    const load = this.loader(name);
    return path((frame) => {
      const known = frame.variables[slot];
      if (known !== undefined) return known;
      const value = load(frame);
      frame.variables[slot] = value;
      return value;
    });
  }

  private loader(name: string): Evaluate {
    if (!Object.hasOwn(this.environment.variables, name) && Object.hasOwn(AUTHORIZER_VARIABLES, name)) {
      return (frame) => authorizerVariable(name, frame.authorizer) ?? fail(`no such attribute(s): ${name}`);
    }
    // own-lookup: the checker found it among its own
    const { type } = this.environment.variables[name]!;
    const isOptional = type.kind === 'opaque';
    return ({ input }) => {
      if (!isOptional && !Object.hasOwn(input, name)) return fail(`no such attribute(s): ${name}`);
      return valueOfJson(Object.hasOwn(input, name) ? input[name] : undefined, type);
    };
  }

  private select(expr: Select): Plan {
    if (expr.reference) return this.reference(expr.reference);
    const operand = this.plan(expr.operand);
    const { field } = expr;
    const of = operand.resolve ?? operand.run;
    // `has` costs what its operand and the test cost; the unit of reading is not charged.
    if (expr.testOnly) return { run: (frame) => isPresent(frame, of(frame), field) };
    return extend(operand, (frame) => access(frame, of(frame), field, false));
  }

  private call(expr: Call): Plan {
    switch (expr.name) {
      case Operator.and:
        return this.logic(expr, false);
      case Operator.or:
        return this.logic(expr, true);
      case Operator.conditional:
        return this.conditional(expr);
      case Operator.index:
        return this.index(expr, false);
      case Operator.optIndex:
      case Operator.optSelect:
        return this.index(expr, true);
      case Operator.notStrictlyFalse:
        return this.notStrictlyFalse(expr);
      case 'or':
      case 'orValue':
        if (expr.overloads?.[0]?.startsWith('optional_or')) return this.alternative(expr);
    }
    return this.function(expr);
  }

  /** `&&` and `||`: an error on one side gives way to a value that decides on the other. */
  private logic(expr: Call, decisive: boolean): Plan {
    const [left, right] = expr.args.map((arg) => this.plan(arg).run) as [Evaluate, Evaluate];
    const decide = (frame: Frame, term: Evaluate): boolean | EvaluationError => {
      try {
        const value = term(frame);
        return typeof value === 'boolean' ? value : new EvaluationError('no such overload');
      } catch (error) {
        return evalError(error);
      }
    };
    return {
      run: (frame) => {
        const first = decide(frame, left);
        if (first === decisive) return decisive;
        const second = decide(frame, right);
        if (second === decisive) return decisive;
        if (first instanceof EvaluationError) throw first;
        if (second instanceof EvaluationError) throw second;
        return !decisive;
      },
    };
  }

  private conditional(expr: Call): Plan {
    const [condition, yes, no] = expr.args.map((arg) => this.plan(arg)) as [Plan, Plan, Plan];
    const test = condition.run;
    const then = yes.resolve ?? yes.run;
    const otherwise = no.resolve ?? no.run;
    const run: Evaluate = (frame) => {
      const value = test(frame);
      if (typeof value !== 'boolean') return noSuchOverload();
      return value ? then(frame) : otherwise(frame);
    };
    return { run, resolve: run, paysRead: false };
  }

  private index(expr: Call, optional: boolean): Plan {
    const [of, key] = expr.args.map((arg) => this.plan(arg)) as [Plan, Plan];
    const target = of.resolve ?? of.run;
    if (key.constant !== undefined) {
      const known = key.constant;
      return extend(of, (frame) => access(frame, target(frame), known, optional));
    }
    const index = key.resolve ?? key.run;
    return extend(of, (frame) => access(frame, target(frame), index(frame), optional));
  }

  /** The condition of `all` and `exists`: goes on while the accumulator is an error. */
  private notStrictlyFalse(expr: Call): Plan {
    const { run } = this.plan(expr.args[0]!);
    return {
      run: (frame) => {
        frame.charge(1);
        try {
          const value = run(frame);
          return typeof value === 'boolean' ? value : true;
        } catch (error) {
          evalError(error);
          return true;
        }
      },
    };
  }

  /** `a.or(b)` and `a.orValue(b)` evaluate `b` only when `a` is absent. */
  private alternative(expr: Call): Plan {
    const first = this.plan(expr.target!).run;
    const second = this.plan(expr.args[0]!).run;
    const unwrap = expr.name === 'orValue';
    return {
      run: (frame) => {
        const value = first(frame);
        if (!(value instanceof Optional)) return noSuchOverload();
        if (value.value === undefined) return second(frame);
        return unwrap ? value.value : value;
      },
    };
  }

  private function(expr: Call): Plan {
    const member = expr.target !== undefined && expr.qualifiedName === undefined;
    const args = (member ? [expr.target!, ...expr.args] : expr.args).map((arg) => this.plan(arg));
    const name = expr.qualifiedName ?? (expr.name.startsWith('.') ? expr.name.slice(1) : expr.name);
    const overload = expr.overloads!.length === 1 ? expr.overloads![0] : undefined;
    const run = this.implementation(name, overload, member, args.length);
    if (CONVERSIONS.has(name) && args.length === 1 && args[0]!.constant !== undefined) {
      return constant(run(args[0]!.constant));
    }
    if (overload === 'in_list' && args[1]!.constant !== undefined) {
      const member = membership(args[0]!, args[1]!.constant as ListValue);
      if (member !== undefined) return member;
    }
    const position = patternArgument(name);
    const pattern = position === undefined ? undefined : args[position]?.constant;
    const bound = typeof pattern === 'string' ? bindPattern(name, pattern) : run;
    return {
      run: invoke(
        bound,
        args.map((arg) => arg.run),
        callCost(name, overload),
      ),
    };
  }

  private implementation(name: string, id: string | undefined, member: boolean, count: number): Implementation {
    const { overloads } = this.dialect.functions.find(name)!;
    if (id !== undefined) {
      const overload = overloads.find((candidate) => candidate.id === id)!;
      // Arguments can be dyn: their types are known only now.
      return overload.args.some((type) => type.kind !== 'dyn') ? guarded(overload) : overload.run!;
    }
    const candidates = overloads.filter((overload) => overload.member === member && overload.args.length === count);
    return (...args) => {
      const match = candidates.find((overload) => accepts(overload, args));
      return match === undefined ? noSuchOverload() : match.run!(...args);
    };
  }

  private list(expr: ListLiteral): Plan {
    const plans = expr.elements.map((element) => this.plan(element));
    const elements = plans.map(({ run }) => run);
    const { optionals } = expr;
    const make: Evaluate = (frame) => {
      const items: Value[] = [];
      for (const [index, element] of elements.entries()) {
        const value = element(frame);
        if (!optionals.has(index)) items.push(value);
        else if (!(value instanceof Optional)) fail('cannot initialize optional list element from non-optional value');
        else if (value.value !== undefined) items.push(value.value);
      }
      return new ArrayList(items);
    };
    return created(make, plans, CREATE_LIST);
  }

  private map(expr: MapLiteral): Plan {
    const plans = expr.entries.map(({ key, value }) => ({ key: this.plan(key), value: this.plan(value) }));
    const entries = plans.map(({ key, value }, index) => ({
      key: key.run,
      value: value.run,
      optional: expr.entries[index]!.optional,
    }));
    const make: Evaluate = (frame) => {
      const items: [Value, Value][] = [];
      for (const entry of entries) {
        const key = entry.key(frame);
        const value = present(entry.value(frame), entry.optional);
        if (value !== undefined) items.push([key, value]);
      }
      return EntryMap.of(items);
    };
    return created(
      make,
      plans.flatMap(({ key, value }) => [key, value]),
      CREATE_MAP,
    );
  }

  private struct(expr: StructLiteral): Plan {
    const type = expr.type!;
    const fields = expr.fields.map(({ name, value, optional }) => ({ name, run: this.plan(value).run, optional }));
    return {
      run: (frame) => {
        const values = new Map<string, Value>();
        for (const field of fields) {
          const value = present(field.run(frame), field.optional);
          if (value !== undefined) values.set(field.name, value);
        }
        frame.charge(CREATE_STRUCT);
        return new StructValue(type, values);
      },
    };
  }

  private comprehension(expr: Comprehension): Plan {
    const range = this.plan(expr.range).run;
    const init = this.plan(expr.init).run;
    const accu = this.enter(expr.accuVar);
    const first = this.enter(expr.iterVar);
    const second = expr.iterVar2 === undefined ? undefined : this.enter(expr.iterVar2);
    const condition = this.plan(expr.condition);
    const step = this.plan(expr.step).run;
    if (second !== undefined) this.scope.pop();
    this.scope.pop();
    const result = this.plan(expr.result).run;
    this.scope.pop();
    return { run: planFold({ range, init, accu, first, second, condition, step, result }) };
  }

  private enter(name: string): number {
    const slot = this.locals++;
    this.scope.push({ name, slot });
    return slot;
  }
}

function constant(value: Value): Plan {
  return { run: () => value, constant: value };
}

/** A variable or what is read from one. */
function path(resolve: Evaluate): Plan {
  const run: Evaluate = (frame) => {
    frame.charge(SELECT);
    return resolve(frame);
  };
  return { run, resolve, paysRead: true };
}

/** One more step from a plan; conditions never pay for the path itself. */
function extend(from: Plan, resolve: Evaluate): Plan {
  return from.paysRead === false ? { run: resolve, resolve, paysRead: false } : path(resolve);
}

function readLocal(slot: number): Plan {
  return path((frame) => {
    const value = frame.locals[slot]!;
    if (value instanceof EvaluationError) throw value;
    return value;
  });
}

/** An aggregate of literals is made once, and costs nothing. */
function created(make: Evaluate, parts: readonly Plan[], cost: number): Plan {
  if (parts.every((part) => part.constant !== undefined)) return constant(make(NO_FRAME));
  return {
    run: (frame) => {
      const value = make(frame);
      frame.charge(cost);
      return value;
    },
  };
}

/** Plans of literals read no frame. */
const NO_FRAME = undefined as unknown as Frame;

function present(value: Value, optional: boolean): Value | undefined {
  if (!optional) return value;
  if (!(value instanceof Optional)) return fail('cannot initialize optional entry from non-optional value');
  return value.value;
}

function accepts(overload: Overload, args: readonly Value[]): boolean {
  return overload.args.every((type, index) => hasKind(args[index]!, type));
}

function guarded(overload: Overload): Implementation {
  const run = overload.run!;
  const checks = overload.args.map((type): CelType | undefined =>
    type.kind === 'param' || type === cel.dyn ? undefined : type,
  );
  const [a, b] = checks;
  if (checks.length === 1) return (x) => (a === undefined || hasKind(x!, a) ? run(x!) : noSuchOverload());
  if (checks.length === 2) {
    return (x, y) => {
      if ((a !== undefined && !hasKind(x!, a)) || (b !== undefined && !hasKind(y!, b))) return noSuchOverload();
      return run(x!, y!);
    };
  }
  return (...args) => (accepts(overload, args) ? run(...args) : noSuchOverload());
}

/** `x in [literals]` is a look-up, and free. Undefined where the literals are no keys. */
function membership(of: Plan, list: ListValue): Plan | undefined {
  if (list.size === 0) return constant(false);
  const keys = new Set<string>();
  for (const item of list) {
    const key = keyOf(item);
    if (key === undefined) return undefined;
    keys.add(key);
  }
  const { run } = of;
  return {
    run: (frame) => {
      const key = keyOf(run(frame));
      return key !== undefined && keys.has(key);
    },
  };
}

function invoke(run: Implementation, args: readonly Evaluate[], cost: CallCost): Evaluate {
  if (!('fixed' in cost)) return invokeMeasured(run, args, cost);
  const { fixed } = cost;
  const [first, second] = args;
  switch (args.length) {
    case 1:
      return (frame) => {
        const a = first!(frame);
        frame.charge(fixed);
        return run(a);
      };
    case 2:
      return (frame) => {
        const a = first!(frame);
        const b = second!(frame);
        frame.charge(fixed);
        return run(a, b);
      };
    default:
      return (frame) => {
        const values = args.map((arg) => arg(frame));
        frame.charge(fixed);
        return run(...values);
      };
  }
}

function invokeMeasured(
  run: Implementation,
  args: readonly Evaluate[],
  cost: Exclude<CallCost, { fixed: number }>,
): Evaluate {
  return (frame) => {
    const values = args.map((arg) => arg(frame));
    if ('before' in cost) frame.charge(cost.before(values));
    const result = run(...values);
    if ('after' in cost) frame.charge(cost.after(result));
    return result;
  };
}
