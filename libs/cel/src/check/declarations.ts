import type { MacroTable } from '../syntax/macros.js';
import type { CelType } from '../type.js';
import type { Value } from '../values/value.js';

/** What a call runs. Operators that do not evaluate all their arguments have none; the planner knows them. */
export type Implementation = (...args: Value[]) => Value;

export interface Overload {
  readonly id: string;
  readonly args: readonly CelType[];
  readonly result: CelType;
  /** `a.f(b)` instead of `f(a, b)`; `a` is the first of the arguments. */
  readonly member: boolean;
  readonly run?: Implementation;
  /** Whether a type in it is a parameter. */
  readonly generic: boolean;
}

export interface FunctionDeclaration {
  readonly name: string;
  readonly overloads: Overload[];
}

/** Functions by name. Libraries add overloads to those of others. */
export class Functions {
  private readonly byName = new Map<string, FunctionDeclaration>();

  find(name: string): FunctionDeclaration | undefined {
    return this.byName.get(name);
  }

  /** `f(a, b)` */
  global(name: string, id: string, args: readonly CelType[], result: CelType, run?: Implementation): void {
    this.add(name, { id, args, result, member: false, run, generic: [...args, result].some(isGeneric) });
  }

  /** `a.f(b)` */
  member(name: string, id: string, args: readonly CelType[], result: CelType, run?: Implementation): void {
    this.add(name, { id, args, result, member: true, run, generic: [...args, result].some(isGeneric) });
  }

  private add(name: string, overload: Overload): void {
    const known = this.byName.get(name);
    if (known === undefined) this.byName.set(name, { name, overloads: [overload] });
    else known.overloads.push(overload);
  }
}

function isGeneric(type: CelType): boolean {
  return type.kind === 'param' || type.params.some(isGeneric);
}

/** Everything that an expression can use beside its variables; made once per version. */
export interface Dialect {
  readonly functions: Functions;
  readonly macros: MacroTable;
  readonly optionals: boolean;
  /** Whether a literal list may not mix types, and literal times and patterns are checked. */
  readonly validateLiterals: boolean;
  /** Types by the names that expressions can write. */
  readonly types: ReadonlyMap<string, CelType>;
}
