import { type FieldError, FieldPath, type FormatCheck, field, semanticEqual } from '#apimachinery';

/** Stands before a map key among the steps. */
const KEY = -1;

/**
 * Where a validation is in an object, and what it found. One for a whole object: a check enters a field, looks, and
 * leaves it again; paths are put together when there is an error, so a good object costs next to nothing.
 *
 * Every builder of an error takes the name of a child of the current field (or a path below it: `secretRef.name`), and
 * `''` for the current field itself.
 */
export class FieldCursor {
  readonly errors: FieldError[] = [];
  private readonly declaredErrors: FieldError[] = [];
  private readonly steps: (string | number)[];

  constructor(...steps: string[]) {
    this.steps = steps;
  }

  /** What was found, with the errors of declared rules at the end. */
  all(): FieldError[] {
    return [...this.errors, ...this.declaredErrors];
  }

  /** For rules that 1.37 declares at the type: what they find stands after what all others found. */
  declared(check: () => void): void {
    const before = this.errors.length;
    check();
    for (const error of this.errors.splice(before)) this.declaredErrors.push(error);
  }

  enter(step: string | number): void {
    this.steps.push(step);
  }

  /** Checks every item of a list, with the cursor at it. */
  each<T>(name: string, items: readonly T[] | undefined, check: (item: T, index: number) => void): void {
    if (items === undefined || items === null) return;
    this.enter(name);
    for (let i = 0; i < items.length; i++) {
      this.enter(i);
      check(items[i]!, i);
      this.leave();
    }
    this.leave();
  }

  /** Checks below a field. */
  within(name: string, check: () => void): void {
    this.enter(name);
    check();
    this.leave();
  }

  enterKey(key: string): void {
    this.steps.push(KEY, key);
  }

  /** Leaves as many steps as were entered: a map key is one. */
  leave(steps = 1): void {
    for (let i = 0; i < steps; i++) {
      this.steps.pop();
      if (this.steps[this.steps.length - 1] === KEY) this.steps.pop();
    }
  }

  path(name = ''): FieldPath {
    let path: FieldPath | undefined;
    for (let i = 0; i < this.steps.length; i++) {
      const step = this.steps[i]!;
      if (step === KEY) {
        const key = String(this.steps[++i]);
        path = path === undefined ? FieldPath.of(`[${key}]`) : path.key(key);
      } else if (path === undefined) path = FieldPath.of(typeof step === 'number' ? `[${step}]` : step);
      else path = typeof step === 'number' ? path.index(step) : path.child(step);
    }
    if (path === undefined) return FieldPath.of(name);
    return name === '' ? path : path.child(name);
  }

  add(errors: readonly FieldError[]): void {
    for (const error of errors) this.errors.push(error);
  }

  required(name: string, detail = ''): void {
    this.errors.push(field.required(this.path(name), detail));
  }

  forbidden(name: string, detail = ''): void {
    this.errors.push(field.forbidden(this.path(name), detail));
  }

  immutable(name: string, value: unknown, old: unknown): void {
    if (!semanticEqual(value, old)) this.errors.push(field.immutable(this.path(name), value ?? null));
  }

  /** Declared rules of immutability do not show the value. */
  declaredImmutable(name: string, value: unknown, old: unknown): void {
    if (!semanticEqual(value, old)) this.declaredErrors.push(field.immutable(this.path(name), null));
  }

  /** `value` undefined prints `null`. */
  invalid(name: string, value: unknown, detail = ''): void {
    this.errors.push(field.invalid(this.path(name), value, detail));
  }

  duplicate(name: string, value: unknown): void {
    this.errors.push(field.duplicate(this.path(name), value));
  }

  notFound(name: string, value: unknown): void {
    this.errors.push(field.notFound(this.path(name), value));
  }

  /** `supported` is printed in the order given. */
  notSupported(name: string, value: unknown, supported: readonly string[]): void {
    this.errors.push(field.notSupported(this.path(name), value, supported));
  }

  tooLong(name: string, max: number): void {
    this.errors.push(field.tooLong(this.path(name), max));
  }

  tooLongCharacters(name: string, max: number): void {
    this.errors.push(field.tooLongCharacters(this.path(name), max));
  }

  tooMany(name: string, actual: number, max: number): void {
    this.errors.push(field.tooMany(this.path(name), actual, max));
  }

  /** Every message of a format check as an invalid value. */
  format(name: string, value: string, check: FormatCheck): void {
    for (const text of check(value)) this.invalid(name, value, text);
  }

  /** Required and one of `supported`. */
  choice(name: string, value: string | undefined, supported: readonly string[]): void {
    if (!value) this.required(name);
    else if (!supported.includes(value)) this.notSupported(name, value, supported);
  }

  /** One of `supported` when set; an empty string is set, and null is not. */
  optionalChoice(name: string, value: string | undefined, supported: readonly string[]): void {
    if (value !== undefined && value !== null && !supported.includes(value)) this.notSupported(name, value, supported);
  }

  notNegative(name: string, value: number | undefined): void {
    if (value !== undefined && value < 0) this.invalid(name, value, 'must be greater than or equal to 0');
  }

  positive(name: string, value: number | undefined): void {
    if (value !== undefined && value <= 0) this.invalid(name, value, 'must be greater than zero');
  }

  /** Between `low` and `high` when set. */
  range(name: string, value: number | undefined, low: number, high: number): void {
    if (value === undefined || (value >= low && value <= high)) return;
    this.invalid(name, value, `must be between ${low} and ${high}, inclusive`);
  }
}
