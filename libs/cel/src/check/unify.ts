import { type CelType, cel, isDyn, isDynOrError, isOptional, sameType } from '../type.js';

/** What parameters of types stand for, so far. Changes can be taken back, since overloads are tried one after another. */
export class Bindings {
  private readonly types = new Map<string, CelType>();
  private readonly journal: { readonly name: string; readonly before: CelType | undefined }[] = [];

  get(name: string): CelType | undefined {
    return this.types.get(name);
  }

  set(name: string, type: CelType): void {
    this.journal.push({ name, before: this.types.get(name) });
    this.types.set(name, type);
  }

  /** Makes changes that stay only if `change` says so. */
  attempt(change: () => boolean): boolean {
    const mark = this.journal.length;
    if (change()) return true;
    while (this.journal.length > mark) {
      const { name, before } = this.journal.pop()!;
      if (before === undefined) this.types.delete(name);
      else this.types.set(name, before);
    }
    return false;
  }
}

/** Whether `from` can stand where `to` is expected; binds parameters. The order of the two matters only for them. */
function unify(bound: Bindings, to: CelType, from: CelType): boolean {
  if (from.kind === 'param') {
    const { valid, known } = substitutes(bound, to, from);
    if (valid) return true;
    if (known) return false;
  }
  if (to.kind === 'param') return substitutes(bound, from, to).valid;
  if (isDynOrError(to) || isDynOrError(from)) return true;
  if (to.kind === 'null') return isNullable(from);
  if (from.kind === 'null') return isNullable(to);
  switch (to.kind) {
    case 'type':
      return from.kind === 'type';
    case 'opaque':
    case 'list':
    case 'map':
      return to.kind === from.kind && to.name === from.name && unifyAll(bound, to.params, from.params);
    default:
      return to.kind === from.kind && to.name === from.name;
  }
}

function unifyAll(bound: Bindings, to: readonly CelType[], from: readonly CelType[]): boolean {
  return to.length === from.length && to.every((type, index) => unify(bound, type, from[index]!));
}

/** Objects, optionals, times and durations can be null. */
function isNullable(type: CelType): boolean {
  return ['null', 'opaque', 'struct', 'any', 'duration', 'timestamp'].includes(type.kind);
}

function substitutes(bound: Bindings, type: CelType, param: CelType): { valid: boolean; known: boolean } {
  if (type.kind === 'param' && type.name === param.name) return { valid: true, known: true };
  const known = bound.get(param.name);
  if (known !== undefined) {
    if (sameType(type, known)) return { valid: true, known: true };
    if (!unify(bound, type, known)) return { valid: false, known: true };
    const general = mostGeneral(type, known);
    if (!mentions(bound, param, general)) bound.set(param.name, general);
    return { valid: true, known: true };
  }
  if (mentions(bound, param, type)) return { valid: false, known: false };
  bound.set(param.name, type);
  return { valid: true, known: false };
}

/** Whether a type contains the parameter, directly or through what others stand for: it would contain itself. */
function mentions(bound: Bindings, param: CelType, within: CelType): boolean {
  if (within.kind === 'param') {
    if (within.name === param.name) return true;
    const known = bound.get(within.name);
    return known !== undefined && mentions(bound, param, known);
  }
  return within.params.some((type) => mentions(bound, param, type));
}

/** Tries to unify; bindings change only on success. */
export function isAssignable(bound: Bindings, to: CelType, from: CelType): boolean {
  return bound.attempt(() => unify(bound, to, from));
}

export function areAssignable(bound: Bindings, to: readonly CelType[], from: readonly CelType[]): boolean {
  return bound.attempt(() => unifyAll(bound, to, from));
}

export function mostGeneral(a: CelType, b: CelType): CelType {
  return isEqualOrMoreGeneral(a, b) ? a : b;
}

function isEqualOrMoreGeneral(a: CelType, b: CelType): boolean {
  if (isDyn(a) || a.kind === 'param') return true;
  if (isDyn(b) || b.kind === 'param') return false;
  if (a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  if (a.params.length === 0) return sameType(a, b);
  if (a.name !== b.name || a.params.length !== b.params.length) return false;
  return a.params.every((type, index) => isEqualOrMoreGeneral(type, b.params[index]!));
}

/** The type with its parameters replaced. What is still open stays, or becomes dyn when `close` is set. */
export function substitute(bound: Bindings, type: CelType, close: boolean): CelType {
  if (type.kind === 'param') {
    const known = bound.get(type.name);
    if (known !== undefined) return substitute(bound, known, close);
    return close ? cel.dyn : type;
  }
  if (type.params.length === 0) return type;
  const params = type.params.map((param) => substitute(bound, param, close));
  return params.every((param, index) => param === type.params[index]) ? type : { ...type, params };
}

/** What an optional holds, and whether it was one. */
export function unwrapOptional(type: CelType): { type: CelType; optional: boolean } {
  return isOptional(type) ? { type: type.params[0]!, optional: true } : { type, optional: false };
}
