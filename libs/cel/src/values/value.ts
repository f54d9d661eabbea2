import type { CelType } from '../type.js';

/**
 * Values during an evaluation: int is bigint, double is number, bytes are Uint8Array, null is null. What JavaScript has
 * no type for is a class below. Lists and maps of JSON are read lazily, by their types.
 */
export type Value =
  | bigint
  | number
  | boolean
  | string
  | null
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | ListValue
  | MapValue
  | Optional
  | TypeValue
  | OpaqueValue;

/** An error of an evaluation. It is thrown often (`&&` absorbs it), so it carries no stack. */
export class EvaluationError {
  constructor(readonly message: string) {}
}

export function fail(message: string): never {
  throw new EvaluationError(message);
}

export function noSuchOverload(): never {
  throw new EvaluationError('no such overload');
}

export class Uint {
  constructor(readonly value: bigint) {}
}

/** An instant, in nanoseconds since 1970. */
export class Timestamp {
  constructor(readonly nanos: bigint) {}
}

/** A length of time, in nanoseconds. */
export class Duration {
  constructor(readonly nanos: bigint) {}
}

export class TypeValue {
  constructor(readonly type: CelType) {}
}

/** A value that may be absent. */
export class Optional {
  static readonly none = new Optional(undefined);

  private constructor(readonly value: Value | undefined) {}

  static of(value: Value): Optional {
    return new Optional(value);
  }
}

/** A value of a library: an address, a quantity. */
export abstract class OpaqueValue {
  abstract readonly type: CelType;
  abstract equals(other: OpaqueValue): boolean;

  /** For the cost of comparing it, where the reference defines a size. */
  get size(): number {
    return 1;
  }

  isZero(): boolean {
    return false;
  }

  /** What leaves an evaluation. */
  plain(): unknown {
    return fail(`type conversion error from '${this.type.name}' to JSON`);
  }
}

export abstract class ListValue {
  abstract readonly size: number;
  /** `index` is within the list. */
  abstract at(index: number): Value;

  *[Symbol.iterator](): Iterator<Value> {
    for (let index = 0; index < this.size; index++) yield this.at(index);
  }
}

/** A list that an expression made. */
export class ArrayList extends ListValue {
  static readonly empty = new ArrayList([]);

  constructor(readonly items: readonly Value[]) {
    super();
  }

  get size(): number {
    return this.items.length;
  }

  at(index: number): Value {
    return this.items[index]!;
  }
}

/** The accumulator of a macro: the list grows in place, since nobody else sees it before the end. */
export class GrowingList extends ListValue {
  readonly items: Value[] = [];

  get size(): number {
    return this.items.length;
  }

  at(index: number): Value {
    return this.items[index]!;
  }

  finish(): ListValue {
    return new ArrayList(this.items);
  }
}

export abstract class MapValue {
  abstract readonly size: number;
  /** Undefined when the map has no such key. */
  abstract get(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;
  /** What `type()` gives: objects have types of their own. */
  abstract readonly type: CelType;

  has(key: Value): boolean {
    return this.get(key) !== undefined;
  }
}
