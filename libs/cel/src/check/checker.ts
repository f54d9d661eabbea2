import { AUTHORIZER_VARIABLES } from '../library/authorizer-types.js';
import type { CelEnvironment } from '../program.js';
import type {
  Call,
  Comprehension,
  Expr,
  Ident,
  ListLiteral,
  MapLiteral,
  Select,
  StructLiteral,
} from '../syntax/ast.js';
import { childrenOf, Operator } from '../syntax/ast.js';
import type { ErrorReport } from '../syntax/source.js';
import { type CelType, cel, formatType, isDyn, isDynOrError, sameType } from '../type.js';
import { fieldOf } from '../values/json.js';
import { typeOf } from '../values/type-of.js';
import { TypeValue } from '../values/value.js';
import type { Dialect, FunctionDeclaration, Overload } from './declarations.js';
import { areAssignable, Bindings, isAssignable, mostGeneral, substitute, unwrapOptional } from './unify.js';

/** The parameters that a call of an overload binds are its own. */
const FRESH = '_var';

/** Writes types, references and overloads into the tree. What is wrong goes to the report, in the words of cel-go. */
export function check(expr: Expr, environment: CelEnvironment, dialect: Dialect, errors: ErrorReport): void {
  const checker = new Checker(environment, dialect, errors);
  checker.check(expr);
  if (errors.isEmpty) checker.close(expr);
}

class Checker {
  private readonly bound = new Bindings();
  private fresh = 0;
  /** Variables of comprehensions, the innermost last. */
  private readonly locals: { readonly name: string; readonly type: CelType }[] = [];

  constructor(
    private readonly environment: CelEnvironment,
    private readonly dialect: Dialect,
    private readonly errors: ErrorReport,
  ) {}

  check(expr: Expr): CelType {
    expr.type = this.typeOf(expr);
    return expr.type;
  }

  /** Replaces the parameters that are left in the types of a tree: by what they stand for, or by dyn. */
  close(expr: Expr): void {
    if (expr.type !== undefined) expr.type = substitute(this.bound, expr.type, true);
    for (const child of this.checkedChildren(expr)) this.close(child);
  }

  /** What is behind a reference, and the target that is part of a function's name, were never looked at. */
  private checkedChildren(expr: Expr): readonly Expr[] {
    if (expr.kind === 'select' && expr.reference) return [];
    if (expr.kind === 'call' && expr.qualifiedName !== undefined) return expr.args;
    return childrenOf(expr);
  }

  private typeOf(expr: Expr): CelType {
    switch (expr.kind) {
      case 'literal':
        return typeOf(expr.value);
      case 'ident':
        return this.ident(expr);
      case 'select':
        return this.select(expr);
      case 'call':
        return expr.name === Operator.optSelect ? this.optionalSelect(expr) : this.call(expr);
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

  private undeclared(at: number, name: string): CelType {
    this.errors.add(`undeclared reference to '${name}' (in container '')`, at);
    return cel.error;
  }

  private mismatch(at: number, expected: CelType, actual: CelType): void {
    this.errors.add(`expected type '${formatType(expected)}' but found '${formatType(actual)}'`, at);
  }

  private ident(expr: Ident): CelType {
    if (!expr.name.startsWith('.')) {
      const local = this.locals.findLast(({ name }) => name === expr.name);
      if (local !== undefined) return local.type;
    }
    return this.resolve(expr.name, expr) ?? this.undeclared(expr.at, expr.name);
  }

  /** A variable of the environment, or a type as a value. */
  private resolve(name: string, expr: Ident | Select): CelType | undefined {
    const plain = name.startsWith('.') ? name.slice(1) : name;
    if (Object.hasOwn(this.environment.variables, plain)) {
      expr.reference = { variable: plain };
      return this.environment.variables[plain]!.type;
    }
    if (this.environment.authorizer === true && Object.hasOwn(AUTHORIZER_VARIABLES, plain)) {
      expr.reference = { variable: plain };
      return AUTHORIZER_VARIABLES[plain];
    }
    const type = this.namedType(plain);
    if (type === undefined) return undefined;
    expr.reference = { constant: new TypeValue(type) };
    return cel.type(type);
  }

  private namedType(name: string): CelType | undefined {
    return this.dialect.types.get(name) ?? this.environment.resolveType?.(name);
  }

  private select(expr: Select): CelType {
    const qualified = expr.testOnly ? undefined : qualifiedName(expr);
    // A local variable hides a qualified name that begins with it.
    if (qualified !== undefined && !this.locals.some(({ name }) => name === qualified.split('.')[0])) {
      const type = this.resolve(qualified, expr);
      if (type !== undefined) return type;
    }
    const type = this.field(expr.at, expr.operand, expr.field, false);
    return expr.testOnly ? cel.bool : substitute(this.bound, type, false);
  }

  private optionalSelect(expr: Call): CelType {
    const [operand, field] = expr.args as [Expr, Expr];
    expr.overloads = ['select_optional_field'];
    const name = field.kind === 'literal' && typeof field.value === 'string' ? field.value : '';
    field.type = cel.string;
    return substitute(this.bound, this.field(expr.at, operand, name, true), false);
  }

  private field(at: number, operand: Expr, field: string, optional: boolean): CelType {
    const operandType = substitute(this.bound, this.check(operand), false);
    const target = unwrapOptional(operandType);
    const type = this.fieldType(at, target.type, field);
    return target.optional || optional ? cel.optional(type) : type;
  }

  private fieldType(at: number, target: CelType, field: string): CelType {
    switch (target.kind) {
      case 'map':
        return target.params[1]!;
      case 'struct':
        return this.structField(at, target, field) ?? cel.error;
      case 'param':
        this.assignable(cel.dyn, target);
        return cel.dyn;
    }
    if (!isDynOrError(target)) {
      this.errors.add(`type '${formatType(target)}' does not support field selection`, at);
    }
    return cel.dyn;
  }

  private structField(at: number, type: CelType, field: string): CelType | undefined {
    if (type.fields === undefined) return cel.dyn;
    const found = fieldOf(type.fields, field);
    if (found === undefined) this.errors.add(`undefined field '${field}'`, at);
    return found?.type;
  }

  private call(expr: Call): CelType {
    for (const arg of expr.args) this.check(arg);
    if (expr.target === undefined) {
      const name = expr.name.startsWith('.') ? expr.name.slice(1) : expr.name;
      const declaration = this.dialect.functions.find(name);
      if (declaration === undefined) return this.undeclared(expr.at, expr.name);
      return this.overload(expr, declaration, expr.args);
    }
    const prefix = qualifiedName(expr.target);
    const namespaced = prefix && this.dialect.functions.find(`${prefix}.${expr.name}`);
    if (namespaced) {
      expr.qualifiedName = namespaced.name;
      return this.overload(expr, namespaced, expr.args);
    }
    this.check(expr.target);
    const declaration = this.dialect.functions.find(expr.name);
    if (declaration === undefined) return this.undeclared(expr.at, expr.name);
    return this.overload(expr, declaration, [expr.target, ...expr.args]);
  }

  private overload(expr: Call, declaration: FunctionDeclaration, args: readonly Expr[]): CelType {
    if (expr.name === Operator.and || expr.name === Operator.or) return this.logic(expr, declaration);
    const types = args.map((arg) => arg.type!);
    const member = expr.target !== undefined && expr.qualifiedName === undefined;
    const overloads: string[] = [];
    let result: CelType | undefined;
    for (const overload of declaration.overloads) {
      if (overload.member !== member || overload.args.length !== types.length) continue;
      const own = this.instantiate(overload);
      if (!areAssignable(this.bound, types, own.args)) continue;
      overloads.push(overload.id);
      const type = substitute(this.bound, own.result, false);
      if (result === undefined) result = type;
      else if (!isDyn(result) && !sameType(type, result)) result = cel.dyn;
    }
    expr.overloads = overloads;
    if (result !== undefined) return result;
    const shown = types.map((type) => formatType(substitute(this.bound, type, true)));
    const signature = member ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
    this.errors.add(`found no matching overload for '${declaration.name}' applied to '${signature}'`, expr.at);
    return cel.error;
  }

  private logic(expr: Call, declaration: FunctionDeclaration): CelType {
    expr.overloads = [declaration.overloads[0]!.id];
    let type: CelType = cel.bool;
    for (const arg of expr.args) {
      if (this.assignable(arg.type!, cel.bool)) continue;
      this.mismatch(arg.at, cel.bool, arg.type!);
      type = cel.error;
    }
    return type;
  }

  /** The overload with parameters of its own. */
  private instantiate(overload: Overload): { args: readonly CelType[]; result: CelType } {
    if (!overload.generic) return overload;
    const own = new Map<string, CelType>();
    const rename = (type: CelType): CelType => {
      if (type.kind === 'param') {
        if (!own.has(type.name)) own.set(type.name, this.newParam());
        return own.get(type.name)!;
      }
      return type.params.length === 0 ? type : { ...type, params: type.params.map(rename) };
    };
    return { args: overload.args.map(rename), result: rename(overload.result) };
  }

  private newParam(): CelType {
    return cel.param(`${FRESH}${this.fresh++}`);
  }

  private assignable(to: CelType, from: CelType): boolean {
    return isAssignable(this.bound, to, from);
  }

  private list(expr: ListLiteral): CelType {
    let item: CelType | undefined;
    for (const [index, element] of expr.elements.entries()) {
      let type = this.check(element);
      if (expr.optionals.has(index)) type = this.entryType(element, type);
      item = this.join(item, type);
    }
    return cel.list(item ?? this.newParam());
  }

  private map(expr: MapLiteral): CelType {
    let key: CelType | undefined;
    let value: CelType | undefined;
    for (const entry of expr.entries) {
      key = this.join(key, this.check(entry.key));
      let type = this.check(entry.value);
      if (entry.optional) type = this.entryType(entry.value, type);
      value = this.join(value, type);
    }
    return cel.map(key ?? this.newParam(), value ?? this.newParam());
  }

  /** What `?a` adds to a list, when `a` is optional. */
  private entryType(expr: Expr, type: CelType): CelType {
    const unwrapped = unwrapOptional(type);
    if (!unwrapped.optional && !isDyn(type)) this.mismatch(expr.at, cel.optional(type), type);
    return unwrapped.type;
  }

  private join(previous: CelType | undefined, current: CelType): CelType {
    if (previous === undefined) return current;
    return this.assignable(previous, current) ? mostGeneral(previous, current) : cel.dyn;
  }

  private struct(expr: StructLiteral): CelType {
    const name = expr.typeName.startsWith('.') ? expr.typeName.slice(1) : expr.typeName;
    const type = this.namedType(name);
    if (type === undefined) return this.undeclared(expr.at, expr.typeName);
    const isObject = type.kind === 'struct';
    if (!isObject) this.errors.add(`'${type.name}' is not a message type`, expr.at);
    for (const field of expr.fields) {
      let value = this.check(field.value);
      const expected = isObject ? this.structField(field.at, type, field.name) : cel.error;
      if (field.optional) value = this.entryType(field.value, value);
      if (this.assignable(expected ?? cel.error, value)) continue;
      const found = `is '${formatType(expected!)}' but provided type is '${formatType(value)}'`;
      this.errors.add(`expected type of field '${field.name}' ${found}`, field.at);
    }
    return isObject ? type : cel.error;
  }

  private comprehension(expr: Comprehension): CelType {
    this.check(expr.range);
    const accu = this.check(expr.init);
    const range = substitute(this.bound, expr.range.type!, false);
    const [first, second] = this.iterationTypes(expr, range);
    this.locals.push({ name: expr.accuVar, type: accu }, { name: expr.iterVar, type: first });
    if (expr.iterVar2 !== undefined) this.locals.push({ name: expr.iterVar2, type: second });
    this.expect(expr.condition, cel.bool);
    this.expect(expr.step, accu);
    if (expr.iterVar2 !== undefined) this.locals.pop();
    this.locals.pop();
    const result = this.check(expr.result);
    this.locals.pop();
    return substitute(this.bound, result, false);
  }

  private expect(expr: Expr, type: CelType): void {
    const actual = this.check(expr);
    if (!this.assignable(type, actual)) this.mismatch(expr.at, type, actual);
  }

  /** Types of the iteration variables: one variable is an element of a list or a key of a map. */
  private iterationTypes(expr: Comprehension, range: CelType): [CelType, CelType] {
    const two = expr.iterVar2 !== undefined;
    switch (range.kind) {
      case 'list':
        return two ? [cel.int, range.params[0]!] : [range.params[0]!, cel.error];
      case 'map':
        return [range.params[0]!, range.params[1]!];
      case 'dyn':
      case 'error':
      case 'param':
        this.assignable(cel.dyn, range);
        return [cel.dyn, cel.dyn];
    }
    const message = 'cannot be range of a comprehension (must be list, map, or dynamic)';
    this.errors.add(`expression of type '${formatType(range)}' ${message}`, expr.range.at);
    return [cel.error, cel.error];
  }
}

/** `a.b.c` as one name. */
function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.testOnly) return undefined;
  const prefix = qualifiedName(expr.operand);
  return prefix && `${prefix}.${expr.field}`;
}
