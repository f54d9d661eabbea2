import { type FieldError, type FieldPath, type FormatCheck, field, type Path, semanticEqual } from '#apimachinery';

/** Small checks that many kinds share. */

/** Every message of a format check as an invalid value. */
export function formatErrors(check: FormatCheck, value: string, path: Path): FieldError[] {
  return check(value).map((text) => field.invalid(path, value, text));
}

export function immutableErrors(value: unknown, old: unknown, path: Path): FieldError[] {
  return semanticEqual(value, old) ? [] : [field.immutable(path, value === undefined ? null : value)];
}

/** Required and one of `supported`, which is printed in the order given. */
export function choiceErrors(value: string | undefined, supported: readonly string[], path: Path): FieldError[] {
  if (!value) return [field.required(path)];
  return supported.includes(value) ? [] : [field.notSupported(path, value, supported)];
}

/** Items by name; of those that share one, the first. */
export function firstByName<T extends { name: string }>(items: readonly T[]): Map<string, T> {
  const named = new Map<string, T>();
  for (const item of items) if (!named.has(item.name)) named.set(item.name, item);
  return named;
}

export const portProtocols = ['SCTP', 'TCP', 'UDP'] as const;

/** A duplicate with a word on what must be unique. */
export function duplicateWith(path: FieldPath, value: unknown, detail: string): FieldError {
  return field.withDetail(field.duplicate(path, value), () => detail);
}
