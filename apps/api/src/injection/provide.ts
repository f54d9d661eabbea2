import type { FactoryProvider, Type } from '@nestjs/common';

/** The name under which the container has a value of type T. */
export type Key<T> = symbol & { readonly provides?: T };

export function key<T>(name: string): Key<T> {
  return Symbol(name) as Key<T>;
}

type Token<T = unknown> = Key<T> | Type<T>;

type Provided<D extends readonly Token[]> = {
  [I in keyof D]: D[I] extends Type<infer T> ? T : D[I] extends { readonly provides?: infer T } ? T : never;
};

/** A provider that a function makes of others. The compiler compares the function's parameters with what the keys stand for. */
export function provide<T, const D extends readonly Token[]>(
  token: Token<T>,
  inject: D,
  make: (...values: Provided<D>) => T | Promise<T>,
): FactoryProvider<T> {
  return { provide: token, inject: [...inject], useFactory: make as (...values: unknown[]) => T | Promise<T> };
}
