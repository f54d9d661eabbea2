import type { CelCost, CelEnvironment } from '../program.js';
import { ACCUMULATOR, type Call, type Comprehension, type Expr } from '../syntax/ast.js';
import { runeCount } from '../values/text.js';
import { type CallEstimate, type Entry, estimateCall, type SizedNode } from './estimate-call.js';
import { CREATE_LIST, CREATE_MAP, CREATE_STRUCT, SELECT } from './factors.js';
import { add, fixed, MOST, multiply, type Range, UNKNOWN, union } from './ranges.js';
import { declaredSize, type Path, typeSize } from './sizes.js';

const READ = fixed(SELECT);
const FREE = fixed(0);

interface Local {
  readonly name: string;
  readonly path: Path;
  readonly size?: Range;
  readonly entry?: Entry;
}

/**
 * The least and the most that an evaluation can cost, for all values that the declarations allow:
 * github.com/google/cel-go/checker/cost.go with the functions of k8s.io/apiserver/pkg/cel/library/cost.go.
 */
export function estimateCost(expr: Expr, environment: CelEnvironment): CelCost {
  return new Estimator(environment).cost(expr);
}

class Estimator {
  private readonly paths = new Map<Expr, Path>();
  private readonly sizes = new Map<Expr, Range>();
  private readonly entries = new Map<Expr, Entry>();
  private readonly locals: Local[] = [];

  constructor(private readonly environment: CelEnvironment) {}

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal':
        return FREE;
      case 'ident':
        this.paths.set(expr, this.local(expr.name)?.path ?? this.variablePath(expr));
        if (expr.reference && 'constant' in expr.reference) this.sizes.set(expr, FREE);
        return READ;
      case 'select':
        return this.select(expr);
      case 'call':
        return this.call(expr);
      case 'list':
        return this.list(expr);
      case 'map':
        return this.map(expr);
      case 'struct':
        return add(...expr.fields.map(({ value }) => this.cost(value)), fixed(CREATE_STRUCT));
      case 'comprehension':
        return isBind(expr) ? this.bind(expr) : this.comprehension(expr);
    }
  }

  private variablePath(expr: Expr & { kind: 'ident' | 'select' }): Path {
    if (expr.reference && 'variable' in expr.reference) return [expr.reference.variable];
    return expr.kind === 'ident' ? [expr.name] : [];
  }

  private select(expr: Expr & { kind: 'select' }): Range {
    if (expr.reference) {
      this.paths.set(expr, this.variablePath(expr));
      if ('constant' in expr.reference) this.sizes.set(expr, FREE);
      return READ;
    }
    const operand = this.cost(expr.operand);
    if (expr.testOnly) return operand;
    this.paths.set(expr, [...this.path(expr.operand), expr.field]);
    const { kind } = expr.operand.type!;
    return kind === 'map' || kind === 'struct' || kind === 'param' ? add(operand, READ) : operand;
  }

  private list(expr: Expr & { kind: 'list' }): Range {
    const cost = add(...expr.elements.map((element) => this.cost(element)), fixed(CREATE_LIST));
    this.entries.set(expr, { kind: 'list', key: fixed(1), value: this.unionOfSizes(expr.elements) });
    return cost;
  }

  private map(expr: Expr & { kind: 'map' }): Range {
    const costs = expr.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]);
    this.entries.set(expr, {
      kind: 'map',
      key: this.unionOfSizes(expr.entries.map(({ key }) => key)),
      value: this.unionOfSizes(expr.entries.map(({ value }) => value)),
    });
    return add(...costs, fixed(CREATE_MAP));
  }

  private unionOfSizes(exprs: readonly Expr[]): Range {
    if (exprs.length === 0) return FREE;
    return exprs.map((expr) => this.sizeOrUnknown(expr)).reduce(union, { min: MOST, max: 0n });
  }

  private call(expr: Call): Range {
    if (expr.name === 'dyn') {
      const [argument] = expr.args as [Expr];
      const cost = add(fixed(1), this.cost(argument));
      this.copySizes(expr, argument);
      return cost;
    }
    const costs = expr.args.map((arg) => this.cost(arg));
    const args = expr.args.map((arg) => this.node(arg));
    const member = expr.target !== undefined && expr.qualifiedName === undefined;
    const targetCost = member ? this.cost(expr.target!) : FREE;
    const target = member ? this.node(expr.target!) : undefined;
    let cost: Range = { min: MOST, max: 0n };
    let size: Range | undefined;
    for (const overload of expr.overloads!) {
      const estimate = this.overload(expr, overload, target, args, costs);
      cost = union(cost, estimate.cost);
      if (estimate.size !== undefined) size = size === undefined ? estimate.size : union(size, estimate.size);
      if (overload === 'index_list' || overload === 'index_map') {
        size = this.entry(expr.args[0]!)?.value;
        this.paths.set(expr, [...this.path(expr.args[0]!), overload === 'index_list' ? '@items' : '@values']);
      }
      size ??= this.size(expr);
    }
    if (size !== undefined) this.sizes.set(expr, size);
    return add(targetCost, cost);
  }

  private overload(
    expr: Call,
    overload: string,
    target: SizedNode | undefined,
    args: readonly SizedNode[],
    costs: readonly Range[],
  ): CallEstimate {
    switch (overload) {
      case 'logical_and':
      case 'logical_or':
        return { cost: { min: costs[0]!.min, max: add(costs[0]!, costs[1]!).max } };
      case 'conditional': {
        const [, yes, no] = expr.args as [Expr, Expr, Expr];
        const [a, b] = [this.entry(yes), this.entry(no)];
        if (a && b) this.entries.set(expr, unionOfEntries(a, b));
        const size = union(this.sizeOrUnknown(yes), this.sizeOrUnknown(no));
        return { cost: add(costs[0]!, union(costs[1]!, costs[2]!)), size };
      }
      case 'add_list':
      case 'add_string':
      case 'add_bytes': {
        const [a, b] = [this.entry(expr.args[0]!), this.entry(expr.args[1]!)];
        if (a && b) this.entries.set(expr, unionOfEntries(a, b));
      }
    }
    const estimate = estimateCall(expr.qualifiedName ?? expr.name, overload, target, args);
    return { cost: add(estimate.cost, ...costs), size: estimate.size };
  }

  private comprehension(expr: Comprehension): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    this.pushVariable(expr.accuVar, expr.init);
    const entry = this.entry(expr.range);
    const isList = (entry?.kind ?? expr.range.type!.kind) === 'list';
    const path = this.path(expr.range);
    const push = (name: string, step: string, size: Range | undefined) =>
      this.locals.push({ name, path: [...path, step], size });
    if (expr.iterVar2 !== undefined) {
      push(expr.iterVar, isList ? '@indices' : '@keys', entry?.key);
      push(expr.iterVar2, isList ? '@items' : '@values', entry?.value);
    } else {
      push(expr.iterVar, isList ? '@items' : '@keys', isList ? entry?.value : entry?.key);
    }
    const condition = this.cost(expr.condition);
    const step = this.cost(expr.step);
    this.locals.length -= expr.iterVar2 === undefined ? 1 : 2;
    const result = this.cost(expr.result);
    this.locals.pop();
    const rounds = this.sizeOrUnknown(expr.range);
    this.resultSize(expr, rounds);
    return add(before, result, multiply(rounds, add(step, condition)));
  }

  private resultSize(expr: Comprehension, rounds: Range): void {
    if (expr.init.kind === 'literal') {
      const size = this.size(expr.init);
      if (size !== undefined) this.sizes.set(expr, size);
    } else if (expr.init.kind === 'list' || expr.init.kind === 'map') {
      this.sizes.set(expr, rounds);
      const entry = this.entry(expr.step);
      if (entry !== undefined) this.entries.set(expr, entry);
    }
  }

  private bind(expr: Comprehension): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    this.pushVariable(expr.accuVar, expr.init);
    const result = this.cost(expr.result);
    this.locals.pop();
    this.copySizes(expr, expr.result);
    return add(before, result);
  }

  private pushVariable(name: string, value: Expr): void {
    this.locals.push({ name, path: this.path(value), size: this.size(value), entry: this.entry(value) });
  }

  private copySizes(to: Expr, from: Expr): void {
    const size = this.size(from);
    if (size !== undefined) this.sizes.set(to, size);
    const entry = this.entry(from);
    if (entry !== undefined) this.entries.set(to, entry);
  }

  private local(name: string): Local | undefined {
    return this.locals.findLast((local) => local.name === name);
  }

  private path(expr: Expr): Path {
    const local = expr.kind === 'ident' ? this.local(expr.name) : undefined;
    return local?.path ?? this.paths.get(expr) ?? [];
  }

  private node(expr: Expr): SizedNode {
    const path = this.path(expr);
    const size = this.size(expr);
    const items = (): Range => declaredSize(path.length > 0 ? [...path, '@items'] : [], this.environment) ?? UNKNOWN;
    return { expr, type: expr.type!, size: size ?? UNKNOWN, known: size, items };
  }

  private sizeOrUnknown(expr: Expr): Range {
    return this.size(expr) ?? UNKNOWN;
  }

  private size(expr: Expr): Range | undefined {
    const known = this.sizes.get(expr) ?? literalSize(expr);
    if (known !== undefined) return known;
    const path = this.path(expr);
    const declared = path[0] === ACCUMULATOR ? undefined : declaredSize(path, this.environment);
    if (declared !== undefined) {
      this.sizes.set(expr, declared);
      return declared;
    }
    return typeSize(expr.type!) ?? (expr.kind === 'ident' ? this.local(expr.name)?.size : undefined);
  }

  private entry(expr: Expr): Entry | undefined {
    return this.entries.get(expr) ?? (expr.kind === 'ident' ? this.local(expr.name)?.entry : undefined);
  }
}

function unionOfEntries(a: Entry, b: Entry): Entry {
  return { kind: a.kind, key: union(a.key, b.key), value: union(a.value, b.value) };
}

/** Sizes that the expression shows: of literals, and of literal lists and maps. */
function literalSize(expr: Expr): Range | undefined {
  switch (expr.kind) {
    case 'literal':
      if (typeof expr.value === 'string') return fixed(runeCount(expr.value));
      return fixed(expr.value instanceof Uint8Array ? expr.value.length : 1);
    case 'list':
      return fixed(expr.elements.length);
    case 'map':
      return fixed(expr.entries.length);
  }
  return undefined;
}

/** A comprehension over nothing gives a name to a value. */
function isBind({ range, condition, accuVar }: Comprehension): boolean {
  const isEmpty = range.kind === 'list' && range.elements.length === 0;
  return isEmpty && condition.kind === 'literal' && condition.value === false && accuVar !== '__result__';
}
